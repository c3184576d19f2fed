//! No two files of a package use each other, directly or through other files. Then each file can be read after those
//! that it uses.
//!
//! A file uses another one if a `use` line or a path of it leads there: into a child, a sibling, or the parent. `lib.rs`
//! and `main.rs` only list modules, and do not count. Neither does code under `#[cfg(test)]`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};
use tests::place;

/// The segments of a module's path, without `crate`.
type Module = Vec<String>;
/// The text of a file, by the name of the file.
type Source = (&'static str, &'static str);
type Uses = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn no_file_uses_a_file_that_uses_it() {
    let folders = sources(&place::root());
    assert!(folders.len() >= 4, "{folders:?}");
    let of = |folder: &PathBuf| {
        let found = cycles(&uses(&modules(folder)));
        found.into_iter().map(|files| format!("{}: {files}", folder.display())).collect::<Vec<_>>()
    };
    let found: Vec<String> = folders.iter().flat_map(of).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_cycle_is_found_through_parents_siblings_and_paths_within_functions() {
    let cases: [(&[Source], Option<&str>); 7] = [
        (&[("a", "use crate::b::X;"), ("b", "use crate::a::Y;")], Some("a -> b -> a")),
        (&[("a", "mod b; use b::X;"), ("a/b", "use super::Y;")], Some("a -> a/b -> a")),
        (&[("a", "mod b; fn f() { b::g() }"), ("a/b", "fn g() { super::h() }")], Some("a -> a/b -> a")),
        (
            &[("a", "use crate::{c, b::{self, X}};"), ("b", "use crate::c;"), ("c", "type T = crate::a::Z;")],
            Some("a -> b -> c -> a"),
        ),
        (&[("a", "mod b; pub use b::X;"), ("a/b", "use super::c::Y;"), ("a/c", "")], None),
        (&[("a", "use crate::b::X;"), ("b", "#[cfg(test)] mod tests { use crate::a::Y; }")], None),
        (&[("a", "mod b { use super::X; }"), ("b", "use crate::a;")], None),
    ];
    for (files, expected) in cases {
        let parsed = files.iter().map(|(name, text)| (module(Path::new(name)), syn::parse_file(text).expect("Rust")));
        let found = cycles(&uses(&parsed.collect()));
        assert_eq!(found.first().map(String::as_str), expected, "{files:?}");
    }
}

/// The `src` folders of the packages, but for the functions, which have one file each.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["shared", "local", "tests"].iter().map(|name| root.join(name)).collect();
    while let Some(folder) = folders.pop() {
        if folder.join("Cargo.toml").exists() && folder.join("src").exists() {
            found.push(folder.join("src"));
        }
        let entries = std::fs::read_dir(&folder).expect("a folder of the clone").flatten();
        folders.extend(entries.map(|entry| entry.path()).filter(|path| path.join("Cargo.toml").exists()));
    }
    found
}

/// The files of a package by their module. Files of unit tests are left out.
fn modules(source: &Path) -> BTreeMap<Module, syn::File> {
    let mut found = BTreeMap::new();
    let mut folders = vec![source.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).expect("a folder of the clone").flatten().map(|entry| entry.path()) {
            let name = path.strip_prefix(source).expect("it lies there").with_extension("");
            if ["lib", "main", "bin", "tests"].iter().any(|left_out| name.ends_with(left_out)) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a file of the clone");
                found.insert(module(&name), syn::parse_file(&text).expect("Rust"));
            }
        }
    }
    found
}

fn module(name: &Path) -> Module {
    name.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

fn uses(files: &BTreeMap<Module, syn::File>) -> Uses {
    let mut all = Uses::new();
    for (module, file) in files {
        let mut reader = Reader { own: module, files, depth: 0, found: BTreeSet::new() };
        reader.visit_file(file);
        all.insert(module.clone(), reader.found);
    }
    all
}

/// Collects the modules that the paths of one file lead to.
struct Reader<'a> {
    own: &'a Module,
    files: &'a BTreeMap<Module, syn::File>,
    /// How many modules of this file surround the current item.
    depth: usize,
    found: BTreeSet<Module>,
}

impl Reader<'_> {
    /// Adds the file in which a path ends.
    fn path(&mut self, segments: &[String]) {
        let mut file = self.own.clone();
        let mut around = self.depth;
        match segments.first().map(String::as_str) {
            Some("crate") => file.clear(),
            Some("self" | "super") => {}
            Some(_) if around == 0 => {}
            _ => return,
        }
        for segment in segments.iter().filter(|segment| !["crate", "self"].contains(&segment.as_str())) {
            if segment != "super" {
                file.push(segment.clone());
            } else if around > 0 {
                around -= 1;
            } else {
                file.pop();
            }
        }
        while !file.is_empty() && !self.files.contains_key(&file) {
            file.pop();
        }
        if !file.is_empty() && file != *self.own {
            self.found.insert(file);
        }
    }

    fn tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(before, tree)),
            UseTree::Name(name) => self.path(&with(&name.ident)),
            UseTree::Rename(name) => self.path(&with(&name.ident)),
            UseTree::Glob(_) => self.path(before),
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.depth += 1;
        visit::visit_item_mod(self, module);
        self.depth -= 1;
    }

    /// `pub(in crate::select)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.path(&segments);
        }
        visit::visit_path(self, path);
    }
}

fn is_test(item: &Item) -> bool {
    let attributes = match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => return false,
    };
    let is_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    };
    attributes.iter().any(is_test)
}

/// Cycles, each as its files in the order in which they use each other. At least one for each pair of files that use
/// each other.
fn cycles(uses: &Uses) -> Vec<String> {
    let (mut done, mut found) = (BTreeSet::new(), Vec::new());
    for module in uses.keys() {
        follow(uses, module, &mut Vec::new(), &mut done, &mut found);
    }
    found
}

fn follow(uses: &Uses, module: &Module, way: &mut Vec<Module>, done: &mut BTreeSet<Module>, found: &mut Vec<String>) {
    if let Some(first) = way.iter().position(|passed| passed == module) {
        let files = way[first..].iter().chain([module]).map(|file| file.join("/"));
        found.push(files.collect::<Vec<_>>().join(" -> "));
    } else if !done.contains(module) {
        way.push(module.clone());
        uses.get(module).into_iter().flatten().for_each(|used| follow(uses, used, way, done, found));
        way.pop();
        done.insert(module.clone());
    }
}
