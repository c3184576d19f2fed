//! A Chromium without a window, driven by the `DevTools` protocol.
//!
//! In: a URL, then scripts, keys and drags. Out: values of the page, pictures, requests, and everything that the browser complains
//! about. The messages go over a pipe (`--remote-debugging-pipe`): no port that other programs reach.
//! Deliberately absent: a client of WebSocket, and more than one page.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use base64_simd::STANDARD;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::place;

/// Debian's name.
const PROGRAM: &str = "chromium-headless-shell";
/// A name of another site that was bound to this machine.
pub const REBOUND: &str = "rebound.example";
/// The descriptors 3 and 4 are those of the protocol.
const START: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null";
/// The time limit for everything that is awaited.
const PATIENCE: Duration = Duration::from_mins(2);
/// The width and the height of the window.
const WINDOW: (u32, u32) = (1280, 900);

/// A running browser with one page.
#[derive(Debug)]
pub struct Browser {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    calls: u64,
    session: Option<String>,
    /// The messages that answer no call.
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser; `None` after [`place::missing`] has reported that there is none.
    pub async fn start() -> Option<Self> {
        let path = std::env::var("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|folder| folder.join(PROGRAM).is_file()) {
            place::missing(PROGRAM, "scripts/setup-chromium.sh installs it");
            return None;
        }
        let profile = place::scratch();
        let mut command = Command::new("sh");
        command.args(["-c", START, PROGRAM, "--remote-debugging-pipe", "--disable-gpu", "--no-first-run"]);
        // The sandbox of Chromium does not run as root, as in a container. The pages are our own.
        command.args(["--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb"]);
        command.arg(format!("--host-resolver-rules=MAP {REBOUND} 127.0.0.1"));
        command.arg(format!("--window-size={},{}", WINDOW.0, WINDOW.1));
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = piped.spawn().expect("the browser starts");
        let input = child.stdin.take().expect("it was piped");
        let output = BufReader::new(child.stdout.take().expect("it was piped"));
        let (calls, session, events) = (0, None, Vec::new());
        let mut browser = Self { _child: child, input, output, calls, session, events, _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true })).await;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        Some(browser)
    }

    /// Opens a URL.
    pub async fn open(&mut self, url: &str) {
        let opened = self.call("Page.navigate", json!({ "url": url })).await;
        assert!(opened["errorText"].is_null(), "{url}: {opened}");
    }

    /// The light or the dark colours of the system.
    pub async fn colours(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// The value of an expression in the page.
    pub async fn value(&mut self, expression: &str) -> Value {
        let options = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", options).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer:#}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub async fn until(&mut self, expression: &str) {
        let started = Instant::now();
        while self.value(&format!("Boolean({expression})")).await != true {
            if started.elapsed() > PATIENCE {
                let text = self.value("document.body.innerText").await;
                panic!("{expression}: never true; {:?}; the page: {}", self.complaints(), text.as_str().unwrap_or("?"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Presses a key by its name in the DOM, such as `Tab`.
    pub async fn press(&mut self, key: &str) {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "Tab" => 9,
            _ => panic!("{key}: its code is not known here"),
        };
        let mut event = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code });
        if key == "Enter" {
            event["text"] = "\r".into();
        }
        self.call("Input.dispatchKeyEvent", event.clone()).await;
        event["type"] = "keyUp".into();
        self.call("Input.dispatchKeyEvent", event).await;
    }

    /// Types a text where the focus is.
    pub async fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// Drags over an element, from one share of its width to another.
    pub async fn drag(&mut self, selector: &str, from: f64, to: f64) {
        let place = format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{ block: 'center' }}); \
             const r = e.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; }})()"
        );
        let place = self.value(&place).await;
        let [left, top, width, height] = [0, 1, 2, 3].map(|number| place[number].as_f64().expect("a number"));
        let (y, steps) = (top + height / 2.0, 5_u32);
        for step in 0..=steps {
            let x = left + width * (from + (to - from) * f64::from(step) / f64::from(steps));
            let kind = if step == 0 { "mousePressed" } else { "mouseMoved" };
            if step == 0 {
                self.call("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": x, "y": y })).await;
            }
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event.clone()).await;
            if step == steps {
                let mut event = event;
                (event["type"], event["buttons"]) = ("mouseReleased".into(), 0.into());
                self.call("Input.dispatchMouseEvent", event).await;
            }
        }
    }

    /// A picture of the window, as PNG.
    pub async fn picture(&mut self) -> Vec<u8> {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png", "optimizeForSpeed": false })).await;
        STANDARD.decode_to_vec(picture["data"].as_str().expect("a picture")).expect("Base64")
    }

    /// The size of the window.
    pub async fn resize(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// The URLs of all requests so far.
    pub fn requests(&self) -> Vec<&str> {
        let sent = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.filter_map(|event| event["params"]["request"]["url"].as_str()).collect()
    }

    /// Exceptions, errors on the console, dialogs, and violations of the page's policy. The status of an answer is none of these.
    pub fn complaints(&self) -> Vec<&Value> {
        let is_one = |event: &&Value| match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" | "Page.javascriptDialogOpening" => true,
            "Runtime.consoleAPICalled" => event["params"]["type"] == "error",
            "Log.entryAdded" => event["params"]["entry"]["source"] != "network",
            _ => false,
        };
        self.events.iter().filter(is_one).collect()
    }

    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method });
        message["params"] = parameters;
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let bytes = format!("{message}\0");
        self.input.write_all(bytes.as_bytes()).await.expect("the browser reads");
        loop {
            let mut bytes = Vec::new();
            let read = tokio::time::timeout(PATIENCE, self.output.read_until(0, &mut bytes)).await;
            let length = read.unwrap_or_else(|_| panic!("{method}: no answer")).expect("the browser answers");
            assert!(length > 0, "{method}: the browser has ended");
            bytes.pop();
            let answer: Value = serde_json::from_slice(&bytes).expect("a message");
            if answer["id"] == self.calls {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }
}
