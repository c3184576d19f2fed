//! Events of a sample as they may stand in a file: without values that look like secrets or personal data.
//!
//! In: the JSON of an event. Out: the same JSON in one line that is YAML too, with these values replaced, and their names. The digits of
//! numbers stay.
//! What it does not recognise stays in the event, so the program says that the file holds events of the sample.

use std::{collections::BTreeSet, fmt::Write as _};

/// The text that replaces a value.
pub(super) const MASK: &str = "masked";
/// Parts of the names of fields whose values are replaced, without regard to case and punctuation.
const SENSITIVE_NAMES: [&str; 22] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "authorization",
    "apikey",
    "accesskey",
    "privatekey",
    "cookie",
    "session",
    "credential",
    "signature",
    "email",
    "phone",
    "msisdn",
    "ssn",
    "iban",
    "cardnumber",
    "creditcard",
    "passport",
];
/// The deepest nesting of an event that is rewritten. pipeline.yaml takes 32 levels.
const MAX_DEPTH: usize = 28;

/// An event that may stand in a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Masked {
    pub(super) json: String,
    /// The names of the fields whose values are replaced.
    pub(super) names: BTreeSet<String>,
}

/// Rewrites the JSON of an event. `None` if it cannot be written to a file: it is nested too deep, has half of a character, or is not JSON.
/// `kept` is never replaced: the fields that decide the index.
pub(super) fn masked(event: &[u8], kept: &[String]) -> Option<Masked> {
    let mut writer = Writer { rest: std::str::from_utf8(event).ok()?, kept, out: Masked::default() };
    writer.value(&mut Vec::new(), false)?;
    Some(writer.out)
}

/// Whether a text looks like an e-mail address, a key, or a token, or assigns a value to a sensitive name.
fn is_sensitive(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["bearer ", "basic ", "-----begin"].iter().any(|part| lower.contains(part))
        || text.match_indices([':', '=']).any(|(at, _)| is_sensitive_name(assigned(text, at)))
        || lower.match_indices("://").any(|(at, _)| is_login(&lower[at + 3..]))
        || words(text).any(|word| is_address(word) || is_token(word))
}

/// The name that the sign at a place of a text gives a value to, as in `name=value`, `name: value` and `"name":"value"`.
fn assigned(text: &str, sign: usize) -> &str {
    if text[sign + 1..].trim().is_empty() {
        return "";
    }
    let before = text[..sign].trim_end_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '\\'));
    before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).next().unwrap_or_default()
}

/// Whether a URL has a user and a password: `user:password@host`.
fn is_login(after_scheme: &str) -> bool {
    let authority = after_scheme.split(|c: char| c == '/' || c.is_whitespace()).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// Whether the name of a field is data: an e-mail address, or a key.
pub(super) fn is_data(name: &str) -> bool {
    // A long name in both cases with a digit is still a name, so only keys of a known form count.
    let is_digits = |word: &str| word.len() >= 32 && word.chars().all(|c| c.is_ascii_hexdigit());
    words(name).any(|word| is_address(word) || is_known_key(word) || is_digits(word))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+/=_-.@%".contains(c);
    text.split(move |c: char| !is_part(c)).filter(|word| !word.is_empty())
}

/// A key of AWS, a JSON Web Token, or 32 and more characters that are no words: hexadecimal digits, or both cases with digits.
fn is_token(word: &str) -> bool {
    let has = |is: fn(&char) -> bool| word.chars().any(|c| is(&c));
    let is_mixed = has(char::is_ascii_digit) && has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase);
    let is_run = word.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| {
        run.len() >= 32 && run.contains(|c: char| c.is_ascii_digit()) && run.contains(|c: char| c.is_ascii_alphabetic())
    });
    is_known_key(word) || is_run || (word.len() >= 32 && is_mixed && !is_uuid(word))
}

fn is_known_key(word: &str) -> bool {
    let is_of_aws = (word.starts_with("AKIA") || word.starts_with("ASIA")) && word.len() == 20;
    is_of_aws || (word.starts_with("eyJ") && word.matches('.').count() == 2)
}

/// Whether `name@host.tld` is a part of the word, also encoded as in a URL.
fn is_address(word: &str) -> bool {
    ["@", "%40"].iter().any(|at| {
        word.match_indices(at).any(|(start, _)| {
            let has_name = word[..start].ends_with(|c: char| c.is_ascii_alphanumeric() || "+_-.".contains(c));
            let rest = &word[start + at.len()..];
            let is_of_host = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
            let host = rest.split(|c: char| !is_of_host(c)).next().unwrap_or_default().trim_end_matches('.');
            let tld = host.rsplit_once('.').map_or("", |(_, tld)| tld);
            has_name && tld.len() >= 2 && tld.chars().all(|c| c.is_ascii_alphabetic())
        })
    })
}

fn is_uuid(word: &str) -> bool {
    word.len() == 36 && word.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

fn is_sensitive_name(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SENSITIVE_NAMES.iter().any(|part| plain.contains(part))
}

struct Writer<'e> {
    rest: &'e str,
    kept: &'e [String],
    out: Masked,
}

impl Writer<'_> {
    /// Rewrites the next value. `is_secret`: below a field with a sensitive name.
    fn value(&mut self, path: &mut Vec<String>, is_secret: bool) -> Option<()> {
        match self.peek()? {
            '{' => self.list(path, is_secret, '}'),
            '[' => self.list(path, is_secret, ']'),
            '"' => {
                let text = self.string()?;
                if !self.is_kept(path) && (is_secret || is_sensitive(&text)) {
                    self.replace(path, &format!("\"{MASK}\""));
                } else {
                    self.push_string(&text);
                }
                Some(())
            }
            _ => {
                let end = self.rest.find(|c: char| matches!(c, ',' | '}' | ']') || c.is_ascii_whitespace());
                let (token, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                self.rest = rest;
                let is_number = token.starts_with(|c: char| c == '-' || c.is_ascii_digit());
                if is_secret && is_number && !self.is_kept(path) {
                    self.replace(path, "0");
                } else {
                    self.out.json.push_str(token);
                }
                Some(())
            }
        }
    }

    /// Rewrites an object or an array.
    fn list(&mut self, path: &mut Vec<String>, is_secret: bool, end: char) -> Option<()> {
        if path.len() > MAX_DEPTH {
            return None;
        }
        self.take();
        self.out.json.push(if end == '}' { '{' } else { '[' });
        let mut is_first = true;
        while self.peek()? != end {
            if !is_first {
                self.take();
                self.out.json.push_str(", ");
            }
            is_first = false;
            if end == ']' {
                // An element has the name of its array. The empty name counts its depth.
                path.push(String::new());
                self.value(path, is_secret)?;
            } else {
                self.peek()?;
                let name = self.string()?;
                self.peek()?;
                self.take();
                let is_secret = is_secret || is_sensitive_name(&name);
                path.push(name);
                self.name(path);
                self.out.json.push_str(": ");
                self.value(path, is_secret)?;
            }
            path.pop();
        }
        self.take();
        self.out.json.push(end);
        Some(())
    }

    /// Writes the last name of a path.
    fn name(&mut self, path: &[String]) {
        let Some(name) = path.last() else { return };
        if is_data(name) && !self.is_kept(path) {
            self.replace(&path[..path.len() - 1], &format!("\"{MASK}\""));
        } else {
            self.push_string(name);
        }
    }

    fn is_kept(&self, path: &[String]) -> bool {
        self.kept.contains(&path.join("."))
    }

    fn replace(&mut self, path: &[String], with: &str) {
        let names: Vec<&str> = path.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        self.out.names.insert(names.join("."));
        self.out.json.push_str(with);
    }

    fn push_string(&mut self, text: &str) {
        for c in serde_json::Value::from(text).to_string().chars() {
            if logstash::yaml::is_printable(c) {
                self.out.json.push(c);
            } else {
                let _ = write!(self.out.json, "\\u{:04x}", u32::from(c));
            }
        }
    }

    /// The next character that is not white space.
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.chars().next()
    }

    /// Skips a character of one byte.
    fn take(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// The next string.
    fn string(&mut self) -> Option<String> {
        let mut is_escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let is_end = *c == '"' && !is_escaped;
            is_escaped = *c == '\\' && !is_escaped;
            is_end
        });
        let (token, rest) = self.rest.split_at(end?.0 + 1);
        self.rest = rest;
        serde_json::from_str(token).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(event: &str) -> (String, Vec<String>) {
        let Masked { json, names } = masked(event.as_bytes(), &["session.at".to_owned()]).unwrap();
        (json, names.into_iter().collect())
    }

    #[test]
    fn what_looks_like_a_secret_or_an_address_is_replaced_and_named() {
        for secret in [
            "kim@example.com",
            "Kim <kim.lee+x@mail.example.co.kr>",
            "https://x/?q=kim%40example.com",
            "https://x/?token=1",
            "Bearer abc",
            "AKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1",
            "-----BEGIN PRIVATE KEY-----",
            "/users/kim@example.com/orders",
            "kim@example.com=x",
            "?q=kim%40example.com%2Fx",
            "password: hunter2",
            "{\\\"password\\\":\\\"hunter2\\\"}",
            "pwd=hunter2",
            "my_api_key_2 = abc",
            "amqp://app:hunter2@rabbit:5672",
        ] {
            let (json, names) = of(&format!("{{\"a\": {{\"x\": [\"{secret}\", 1.50]}}}}"));
            assert_eq!(
                (json.as_str(), names),
                (r#"{"a": {"x": ["masked", 1.50]}}"#, vec!["a.x".to_owned()]),
                "{secret}"
            );
        }
        for plain in [
            "kube_apiserver_audit_1_request_latency_seconds",
            "@timestamp",
            "a@b",
            "2b_screen_view",
            "123e4567-e89b-12d3-a456-426614174000",
            "10.0.0.1",
            "@",
            "https://example.com/a:b@c",
            "no password",
            "password:",
        ] {
            let event = format!("{{\"a\": \"{plain}\"}}");
            assert_eq!(of(&event), (event.clone(), vec![]), "{plain}");
        }
    }

    #[test]
    fn the_values_of_sensitive_names_are_replaced_but_for_the_kept_fields() {
        let event = r#"{ "User_Password" : {"old":"a","n":-1.5,"t":true}, "session":{"at":"10:00","id":"x"}, "kim@example.com":1, "AKIAIOSFODNN7EXAMPLE":{"n":1} }"#;
        let (json, names) = of(event);
        assert_eq!(
            json,
            r#"{"User_Password": {"old": "masked", "n": 0, "t": true}, "session": {"at": "10:00", "id": "masked"}, "masked": 1, "masked": {"n": 1}}"#
        );
        assert_eq!(names, ["", "User_Password.n", "User_Password.old", "session.id"]);
    }

    #[test]
    fn json_stays_the_same_value_and_what_cannot_be_written_is_refused() {
        let (json, _) =
            of("{\"a\\u0041\": [ ], \"b\":{ },\t\"c\" :\"\\\"\\\\\",\n\"d\":[null,-0,1E+5,\"\\ud83d\\ude00\"]}");
        assert_eq!(json, "{\"aA\": [], \"b\": {}, \"c\": \"\\\"\\\\\", \"d\": [null, -0, 1E+5, \"😀\"]}");
        for event in ["{\"a\":\"\\ud83d\"}", "{\"a\":", "", &("[".repeat(40) + &"]".repeat(40))] {
            assert_eq!(masked(event.as_bytes(), &[]), None, "{event}");
        }
    }
}
