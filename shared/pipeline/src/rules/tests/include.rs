use super::*;

const MAIN: &str = "include: [b.yaml, c.yaml]\n";
const OWN: &str = "datasets:\n  - { name: own, from: { key: own }, index: own }\n";

fn dataset(name: &str) -> String {
    format!(
        "datasets:\n  - {{ name: {name}, from: {{ key: \"**\" }}, index: {name}, tests: [{{ line: no, dropped: true }}] }}\n"
    )
}

fn read(main: &str, files: &[(&str, &str)]) -> Result<Datasets, ConfigError> {
    Datasets::parse_with("pipeline.yaml", main, None, &|name| {
        let file = files.iter().find(|(other, _)| *other == name);
        file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::Error::other("no such file").into())
    })
}

#[test]
fn datasets_of_included_files_come_after_those_of_the_file_in_the_order_of_the_list() {
    let (b, c) = (dataset("b"), dataset("c"));
    for (main, names) in [
        (format!("{MAIN}{OWN}"), &["own", "b", "c"][..]),
        (format!("{OWN}{MAIN}"), &["own", "b", "c"]),
        (MAIN.to_owned(), &["b", "c"]),
        ("include: [c.yaml, b.yaml]\n".to_owned(), &["c", "b"]),
        ("include:\n  - b.yaml\n".to_owned(), &["b"]),
    ] {
        let datasets = read(&main, &[("b.yaml", &b), ("c.yaml", &c)]).unwrap();
        assert_eq!(datasets.iter().map(|dataset| dataset.name.as_str()).collect::<Vec<_>>(), names, "{main}");
        let taker = datasets.find_s3("bucket", "any").map(|dataset| dataset.name.as_str());
        assert_eq!(taker, names.iter().copied().find(|name| *name != "own"), "the first that matches");
        let places: Vec<_> = datasets.tests().iter().map(|test| test.place.split_once(':').unwrap()).collect();
        let files: Vec<String> =
            names.iter().filter(|name| **name != "own").map(|name| format!("{name}.yaml")).collect();
        assert_eq!(places, files.iter().map(|file| (file.as_str(), "2:55")).collect::<Vec<_>>());
    }
}

#[test]
fn a_fault_of_an_included_file_names_that_file() {
    let (b, c) = (dataset("b"), dataset("c"));
    for (main, b, c, place, says) in [
        (MAIN, "datasets:\n  - { nme: b, from: { key: b }, index: b }", &*c, "b.yaml:2:5", "without a `name`"),
        (MAIN, "datasets:\n  - { nme: b, from: { key: b }, index: b }", &*c, "b.yaml:2:7", "did you mean `name`?"),
        (MAIN, &*b, "[", "c.yaml:", "not YAML"),
        (MAIN, &*b, "", "c.yaml:1:1", "the file is empty"),
        (MAIN, &*b, "include: [b.yaml]", "c.yaml:1:1", "unknown key `include`; an included file takes `datasets`"),
        (MAIN, &*b, &*b, "c.yaml:2:13", "`name: b` is in line 2 of b.yaml already"),
        ("include: [b.yaml, b.yaml]", &*b, &*c, "pipeline.yaml:1:19", "is in the list already"),
        ("include: [a.yaml]", &*b, &*c, "pipeline.yaml:1:11", "`include: a.yaml` cannot be read: no such file"),
        ("include: []", &*b, &*c, "pipeline.yaml:1:10", "`include` is an empty list"),
        ("include: b.yaml", &*b, &*c, "pipeline.yaml:1:10", "`include` is a text"),
        ("include: [[b.yaml]]", &*b, &*c, "pipeline.yaml:1:11", "`include` is a list"),
        ("include: [b.yaml]\ndatasets: []", &*b, &*c, "pipeline.yaml:2:11", "an empty list"),
        ("includes: [b.yaml]", &*b, &*c, "pipeline.yaml:1:1", "did you mean `include`?"),
        ("{}", &*b, &*c, "pipeline.yaml:1:1", "`datasets` is missing"),
    ] {
        let found = read(main, &[("b.yaml", b), ("c.yaml", c)]).unwrap_err().faults;
        let is_expected = |fault: &Fault| fault.place.starts_with(place) && fault.message.contains(says);
        assert!(found.iter().any(is_expected), "{main}\n{place} {says}\n{found:#?}");
    }
    let both = read(
        &format!("{MAIN}datasets:\n  - {{ nme: own }}\n"),
        &[("b.yaml", "datasets:\n  - { nme: b }"), ("c.yaml", &c)],
    );
    let places: Vec<String> = both.unwrap_err().faults.into_iter().map(|fault| fault.place).collect();
    assert!(places.iter().any(|place| place.starts_with("pipeline.yaml:3")), "{places:?}");
    assert!(places.iter().any(|place| place.starts_with("b.yaml:2")), "all faults at once: {places:?}");
}

#[test]
fn only_files_that_the_deployment_copies_are_included() {
    for name in [
        "../b.yaml",
        "teams/b.yaml",
        "/b.yaml",
        "b.yml",
        "b",
        ".yaml",
        ".b.yaml",
        "b c.yaml",
        "é.yaml",
        "..yaml",
        "./b.yaml",
    ] {
        let found = read(&format!("include: [\"{name}\"]\n"), &[(name, &dataset("b"))]).unwrap_err().faults;
        assert!(found.len() == 1 && found[0].message.contains("files beside pipeline.yaml"), "{name}: {found:#?}");
    }
}

#[test]
fn the_hash_covers_every_file_and_is_that_of_the_file_without_others() {
    let (b, c) = (dataset("b"), dataset("c"));
    assert_eq!(read(&b, &[]).unwrap().hash(), URL_SAFE_NO_PAD.encode_to_string(&Sha256::digest(&b)[..9]));
    let hash = |b: &str, c: &str| read(MAIN, &[("b.yaml", b), ("c.yaml", c)]).unwrap().hash().to_owned();
    let all = [hash(&b, &c), hash(&format!("{b} "), &c), hash(&b, &format!(" {c}")), hash(&c, &b)];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 4, "{all:?}");
}
