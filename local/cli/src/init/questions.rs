//! Questions, each answered by an option, in a terminal, or by a default.
//!
//! In: the option's value. Out: the answer, or an error that names the option. Nothing is asked without a terminal.

use std::io::{self, BufRead, Write};

/// Asks questions.
#[derive(Debug)]
pub struct Questions<R, W> {
    /// Lines with answers. `None` without a terminal.
    terminal: Option<(R, W)>,
}

/// One question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'q> {
    /// The option that answers it, such as `--bucket NAME`.
    pub(super) option: &'q str,
    pub(super) text: &'q str,
    /// The answer if the user gives none. Without it, an answer has to be given.
    pub(super) default: Option<&'q str>,
}

impl<R: BufRead, W: Write> Questions<R, W> {
    /// Questions in a terminal: `input` and `output` are its two sides.
    pub fn in_terminal(input: R, output: W) -> Self {
        Self { terminal: Some((input, output)) }
    }

    /// No questions: only options and defaults answer.
    pub fn without_terminal() -> Self {
        Self { terminal: None }
    }

    /// Whether questions are asked.
    pub(super) fn is_in_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// The answer, as `read` accepts it. In a terminal, a question is repeated until its answer is accepted.
    pub(super) fn answer<T>(
        &mut self,
        question: Question<'_>,
        given: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> io::Result<T> {
        let Question { option, text, default } = question;
        if let Some(given) = given {
            let name = option.split(' ').next().unwrap_or(option);
            return read(given).map_err(|reason| io::Error::other(format!("{name} {given}: {reason}")));
        }
        let Some((input, output)) = &mut self.terminal else {
            let missing = || format!("{text}: no answer. Give {option}, or run `millrace init` in a terminal");
            return read(default.ok_or_else(|| io::Error::other(missing()))?).map_err(io::Error::other);
        };
        loop {
            let shown = default.filter(|default| !default.is_empty()).map(|default| format!(" [{default}]"));
            write!(output, "{text}{}: ", shown.unwrap_or_default())?;
            output.flush()?;
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Err(io::Error::other(
                    "\nthe input ended before all questions were answered; nothing was written",
                ));
            }
            let given = line.trim();
            let Some(answer) = Some(given).filter(|given| !given.is_empty()).or(default) else {
                writeln!(output, "  an answer is needed")?;
                continue;
            };
            match read(answer) {
                Ok(answer) => return Ok(answer),
                Err(reason) => writeln!(output, "  {answer}: {reason}")?,
            }
        }
    }
}

/// `y` or `n`.
pub(super) fn yes(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("answer y or n".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: Question<'_> = Question { option: "--bucket NAME", text: "The bucket", default: None };

    fn short(text: &str) -> Result<String, String> {
        if text.len() < 4 { Ok(text.into()) } else { Err("at most three letters".into()) }
    }

    #[test]
    fn an_answer_is_asked_for_until_it_is_accepted() {
        let mut output = Vec::new();
        let mut questions = Questions::in_terminal(&b"\nlonger\n ab \n"[..], &mut output);
        assert_eq!(questions.answer(BUCKET, None, short).unwrap(), "ab");
        let question = Question { default: Some("def"), ..BUCKET };
        let ended = questions.answer(question, None, short).unwrap_err();
        assert!(ended.to_string().contains("nothing was written"));
        let shown = String::from_utf8(output).unwrap();
        assert_eq!(shown.matches("The bucket: ").count(), 3, "{shown}");
        assert!(shown.contains("an answer is needed") && shown.contains("longer: at most three letters"), "{shown}");
        assert!(shown.ends_with("The bucket [def]: "), "{shown}");
        let mut output = Vec::new();
        let mut questions = Questions::in_terminal(&b"\n"[..], &mut output);
        assert_eq!(questions.answer(question, None, short).unwrap(), "def");
    }

    #[test]
    fn without_a_terminal_an_option_or_a_default_answers() {
        let mut questions = Questions::<&[u8], Vec<u8>>::without_terminal();
        assert_eq!(questions.answer(BUCKET, Some("ab"), short).unwrap(), "ab");
        let wrong = questions.answer(BUCKET, Some("abcd"), short).unwrap_err().to_string();
        assert_eq!(wrong, "--bucket abcd: at most three letters");
        let missing = questions.answer(BUCKET, None, short).unwrap_err().to_string();
        assert_eq!(missing, "The bucket: no answer. Give --bucket NAME, or run `millrace init` in a terminal");
        assert_eq!(questions.answer(Question { default: Some("d"), ..BUCKET }, None, short).unwrap(), "d");
        assert_eq!((yes("Y"), yes("no"), yes("maybe").is_err()), (Ok(true), Ok(false), true));
    }
}
