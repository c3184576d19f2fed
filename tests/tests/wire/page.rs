//! The page of `--keep` in a browser: it shows the events while they arrive, can be used by the keyboard alone, and shows hostile
//! events as text.
//!
//! Deliberately absent: what the page's server refuses, which needs no browser (local/cli/src/page/tests.rs).

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tests::browser::{Browser, REBOUND};
use tests::engine::Engine;
use tests::place;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The objects of the demonstration.
const OBJECTS: u64 = 6;
/// The largest number of elements that the page may have.
const MAX_ELEMENTS: u64 = 4000;
/// The number of events that the page has found.
const FOUND: &str = "Number(document.querySelector('#figures dd')?.textContent.replaceAll(',', ''))";

/// `millrace … --keep`.
struct Run {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Run {
    async fn start(arguments: &[&str]) -> Self {
        let folder = place::scratch();
        let mut command = Command::new(place::program());
        command.args(arguments).arg("--keep").env("TMPDIR", folder.path()).env("MILLRACE_DOMAIN_AUTH", "none");
        command.env("MILLRACE_FUNCTIONS", place::function("s3-ingest").parent().expect("it is in a folder"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it was piped")).lines();
        let mut seen = String::new();
        let url = loop {
            let line = lines.next_line().await.expect("text").unwrap_or_else(|| panic!("no URL: {seen}"));
            if let Some(at) = line.find("http://127.0.0.1:").filter(|_| line.contains("browser")) {
                break line[at..].to_owned();
            }
            seen.push_str(&line);
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, url, _folder: folder }
    }

    /// As Ctrl-C does.
    async fn end(mut self) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().await.expect("kill runs");
        assert!(sent.success());
        self.child.wait().await.expect("it ends");
    }
}

#[test]
fn the_page_shows_the_events_while_they_arrive_and_can_be_used_by_keys_alone() {
    place::run(async {
        let Some(mut browser) = Browser::start().await else { return };
        let each = place::event_count(crate::PAGE_EVENTS).div_ceil(OBJECTS);
        let started = Instant::now();
        let run = Run::start(&["demo", "--events", &each.to_string()]).await;
        browser.open(&run.url).await;
        browser.until("document.querySelector('#title')?.textContent === 'logs-*.*.*'").await;
        let painted = started.elapsed();
        let total = each * OBJECTS;
        let duplicates = "Number(document.querySelectorAll('#figures dd')[2]?.textContent.replaceAll(',', ''))";
        browser.until(&format!("{FOUND} === {total} && {duplicates} === {total}")).await;
        browser.until("document.querySelector('#progress').textContent === 'The delivery has ended; the terminal has its report.'").await;
        receipts_and_letters(&mut browser).await;
        is_bounded(&mut browser, started.elapsed()).await;
        picture(&mut browser, "light").await;
        picture(&mut browser, "dark").await;
        search(&mut browser, total).await;
        zoom(&mut browser, total).await;
        open_a_row(&mut browser).await;
        reach_everything(&mut browser).await;
        assert_eq!(browser.complaints(), Vec::<&serde_json::Value>::new());
        place::figure("page", "events, first text after ms", format!("{total}, {}", painted.as_millis()));
        run.end().await;
    });
}

async fn receipts_and_letters(browser: &mut Browser) {
    let objects = browser.value("document.querySelectorAll('#receipts tbody tr').length").await;
    assert_eq!(objects, OBJECTS);
    let letters = browser.value("document.querySelector('#letters').innerText").await;
    let letters = letters.as_str().expect("text");
    assert!(letters.contains("not JSON") && letters.contains("GET /index.html HTTP/1.1"), "{letters}");
}

/// As many requests as time allows with one at a time, and never more rows than a page of the table.
async fn is_bounded(browser: &mut Browser, elapsed: Duration) {
    let count = |path: &str| browser.requests().iter().filter(|url| url.ends_with(path)).count() as u64;
    let rounds = elapsed.as_secs() * 2 / 3 + 5;
    let (states, data, rows, all) = (count("/state"), count("/data"), count("/rows"), count(""));
    assert!(states <= rounds && data <= rounds && rows <= rounds, "{states} {data} {rows} in {elapsed:?}");
    assert_eq!(browser.value("document.querySelectorAll('#rows tbody tr').length").await, 50);
    let elements = browser.value("document.querySelectorAll('*').length").await.as_u64().expect("a number");
    assert!(elements < MAX_ELEMENTS, "{elements}");
    place::figure("page", "requests in s, elements", format!("{all} in {}, {elements}", elapsed.as_secs()));
    // When nothing changes, nothing is searched.
    tokio::time::sleep(Duration::from_secs(9)).await;
    browser.value("1").await;
    let later = browser.requests().iter().filter(|url| url.ends_with("/data")).count() as u64;
    assert!(later <= data + 2, "{later} searches, of which {data} before");
}

/// The picture of docs/: `cp .cache/page-*.png docs/`.
async fn picture(browser: &mut Browser, scheme: &str) {
    browser.colours(scheme).await;
    browser.resize(1200, 1100).await;
    let ground = browser.value("getComputedStyle(document.body).backgroundColor").await;
    assert_eq!(ground, if scheme == "dark" { "rgb(20, 20, 19)" } else { "rgb(244, 243, 239)" });
    browser.value("new Promise((done) => setTimeout(done, 200))").await;
    let png = browser.picture().await;
    std::fs::write(place::root().join(format!(".cache/page-{scheme}.png")), png).expect("the clone is writable");
}

async fn query(browser: &mut Browser, query: &str) {
    browser.value("document.querySelector('#query').focus(), document.querySelector('#query').select()").await;
    browser.write(query).await;
    browser.press("Enter").await;
}

async fn search(browser: &mut Browser, total: u64) {
    let korea = "[...document.querySelectorAll('#values button')].find((b) => b.textContent === 'KR')";
    let count = browser.value(&format!("{korea}.closest('tr').lastChild.textContent.replaceAll(',', '')")).await;
    query(browser, "country:KR").await;
    browser.until(&format!("{FOUND} === {}", count.as_str().expect("a number"))).await;
    browser.until("[...document.querySelectorAll('#rows td.mono')].every((td) => td.textContent.includes('\"country\":\"KR\"'))").await;
    query(browser, "country:KR AND").await;
    browser.until("!document.querySelector('#query-error').hidden").await;
    let error = browser.value("document.querySelector('#query-error').textContent").await;
    assert!(error.as_str().expect("text").starts_with("Column 12: "), "{error}");
    assert_eq!(browser.value("document.querySelector('#query').getAttribute('aria-invalid')").await, "true");
    // A click on a value searches for it.
    query(browser, "*").await;
    browser.until(&format!("{FOUND} === {total} && document.querySelector('#query-error').hidden")).await;
    browser.value(&format!("{korea}.click()")).await;
    browser.until(&format!("{FOUND} === {}", count.as_str().expect("a number"))).await;
    query(browser, " ").await;
    browser.until(&format!("{FOUND} === {total}")).await;
}

async fn zoom(browser: &mut Browser, total: u64) {
    browser.drag("#chart .u-over", 0.3, 0.6).await;
    browser.until(&format!("{FOUND} > 0 && {FOUND} < {total}")).await;
    let inputs = "document.querySelector('#from').value !== '' && document.querySelector('#to').value !== ''";
    assert_eq!(browser.value(inputs).await, true);
    browser.press("Escape").await;
    browser.until(&format!("{FOUND} === {total}")).await;
    browser.value("document.querySelector('#zoom-in').focus()").await;
    browser.press("Enter").await;
    browser.until(&format!("{FOUND} < {total}")).await;
    browser.value("document.querySelector('#zoom-all').focus()").await;
    browser.press("Enter").await;
    browser.until(&format!("{FOUND} === {total}")).await;
}

async fn open_a_row(browser: &mut Browser) {
    browser.value("document.querySelector('#rows td button').focus()").await;
    browser.press("Enter").await;
    let pre = "document.querySelector('#rows tr.open pre')";
    browser.until(&format!("{pre}?.textContent.startsWith('{{\\n  \"base_dt\": ')")).await;
    let is_json = format!("JSON.parse({pre}.textContent).event_name.length > 0");
    assert_eq!(browser.value(&is_json).await, true);
    browser.press("Enter").await;
    browser.until("document.querySelector('#rows tr.open') === null").await;
}

/// Tab reaches every control, and each has a name.
async fn reach_everything(browser: &mut Browser) {
    browser
        .value("document.activeElement.blur(), window.scrollTo(0, 0), document.querySelector('#query').focus()")
        .await;
    let mut reached = Vec::new();
    for _ in 0..200 {
        let focused = "(document.activeElement.id || document.activeElement.closest('[id]')?.id || '')";
        reached.push(browser.value(focused).await.as_str().unwrap_or_default().to_owned());
        browser.press("Tab").await;
    }
    for wanted in
        ["query", "search", "from", "to", "zoom-in", "zoom-out", "zoom-all", "values", "older", "rows", "letters"]
    {
        assert!(reached.iter().any(|id| id == wanted), "{wanted}: {reached:?}");
    }
    let nameless = "[...document.querySelectorAll('button, input')].filter((e) => !e.textContent.trim() && !e.labels?.length).length";
    assert_eq!(browser.value(nameless).await, 0);
}

/// Names and values of events, keys of objects and bytes of dead letters: HTML and scripts in each.
#[test]
fn a_hostile_event_is_text_whatever_holds_the_markup() {
    place::run(async {
        let folder = place::scratch();
        let file = folder.path().join("<img src=x onerror=alert(1)>.json");
        let hostile = r#""<b onmouseover=alert(1)>":"<script>alert(2)</script>","html":"<img src=x onerror=alert(3)>""#;
        let line = |number: u32| {
            let kind = format!("</pre><svg onload=alert({})>", number % 2);
            format!(r#"{{"at":"2026-11-22T10:00:{number:02}Z",{hostile},"kind":"{kind}","n":12345678901234567890.10}}"#)
        };
        let lines = (0..20).map(line).collect::<Vec<_>>().join("\n");
        std::fs::write(&file, format!("{lines}\n<script>alert(4)</script>\n")).expect("the clone is writable");
        let rules = "datasets:\n- name: hostile\n  from: { bucket: logs, key: \"**\" }\n  index: page-hostile\n\
                     - name: none\n  from: { bucket: none, key: \"**\" }\n  index: page-missing\n";
        let pipeline = folder.path().join("pipeline.yaml");
        std::fs::write(&pipeline, rules).expect("the clone is writable");
        let engine = Engine::shared().map(Engine::url);
        for domain in [None, engine.as_deref()].into_iter().take(1 + usize::from(engine.is_some())) {
            // A browser for each, since the last page of the one before is refused, and its icon with it.
            let Some(mut browser) = Browser::start().await else { return };
            show_hostile(&mut browser, &file, &pipeline, domain).await;
        }
    });
}

async fn show_hostile(browser: &mut Browser, file: &Path, pipeline: &Path, domain: Option<&str>) {
    let (file, pipeline) = (file.to_str().expect("UTF-8"), pipeline.to_str().expect("UTF-8"));
    let mut arguments = vec![file, "--pipeline", pipeline];
    if let Some(domain) = domain {
        arguments.extend(["--domain", domain]);
    }
    let run = Run::start(&arguments).await;
    browser.open(&run.url).await;
    browser.until(&format!("{FOUND} === 20")).await;
    browser.until("document.querySelectorAll('#letters article').length === 1").await;
    browser.until("document.querySelector('#rows td button')").await;
    browser.value("document.querySelector('#rows td button').click()").await;
    let made = "document.querySelectorAll('main img, main b, main svg:not([role]), main script, main [onerror], main [onload]').length";
    assert_eq!(browser.value(made).await, 0, "{domain:?}");
    let text = browser.value("document.body.innerText").await;
    let text = text.as_str().expect("text");
    for shown in [
        "<img src=x onerror=alert(1)>.json",
        "<script>alert(2)</script>",
        "</pre><svg onload=alert(1)>",
        "<script>alert(4)</script>",
        "12345678901234567890.10",
    ] {
        assert!(text.contains(shown), "{domain:?} {shown}: {text}");
    }
    assert_eq!(browser.complaints(), Vec::<&serde_json::Value>::new(), "{domain:?}");
    assert_eq!(refusal(browser, "document.body.innerHTML = '<b>'").await, "TypeError", "no text becomes markup");
    assert_eq!(refusal(browser, "fetch('http://127.0.0.1:1/')").await, "TypeError", "no other server is asked");
    let token = run.url.split_once('#').expect("a token").1;
    assert!(!browser.requests().iter().any(|url| url.contains(token)), "no URL that is sent carries the token");
    let port = run.url.split(['/', ':']).nth(4).expect("a port");
    browser.open(&format!("http://{REBOUND}:{port}/#{token}")).await;
    browser.until("document.body.innerText.includes('the Host of the request is not this page')").await;
    run.end().await;
}

/// The name of the error that an expression ends in.
async fn refusal(browser: &mut Browser, expression: &str) -> String {
    let name = format!(
        "(async () => {{ try {{ await ({expression}); return 'done' }} catch (error) {{ return error.name }} }})()"
    );
    browser.value(&name).await.as_str().expect("text").to_owned()
}
