//! The line that is typed: edited, completed and remembered in a terminal, read as it is
//! from a pipe.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    io::{BufRead, IsTerminal},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result};
use rustyline::{
    ColorMode, CompletionType, Config, Editor, Helper,
    completion::Completer,
    highlight::{CmdKind, Highlighter},
    hint::Hinter,
    history::MemHistory,
    validate::Validator,
};
use tokio::sync::mpsc;

use crate::{commands::COMMANDS, screen::Screen};

/// Names that Tab completes.
#[derive(Debug, Default)]
pub(crate) struct Known {
    channels: Mutex<BTreeSet<String>>,
    members: Mutex<BTreeSet<String>>,
}

impl Known {
    /// The channels of the open server.
    pub(crate) fn channels(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its members.
    pub(crate) fn members(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the word at the end of a line begins, and what it may become.
    fn complete(&self, line: &str) -> (usize, Vec<String>) {
        let start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let (before, word) = line.split_at_checked(start).unwrap_or(("", line));
        let begins = |name: &&String| name.starts_with(word.trim_start_matches('#'));
        let found = match before.trim() {
            "" if word.starts_with('/') => COMMANDS
                .iter()
                .filter(|(name, ..)| name.starts_with(word))
                .map(|(name, ..)| format!("{name} "))
                .collect(),
            "/channel" => self.channels().iter().filter(begins).cloned().collect(),
            _ if word.is_empty() => Vec::new(),
            _ => self.members().iter().filter(begins).cloned().collect(),
        };
        (start, found)
    }
}

/// What is to be typed.
enum Question {
    Line(String),
    /// What is answered is not brought back by the arrow keys.
    Answer(String),
    /// Nor is it shown.
    Secret(String),
}

/// The keyboard, or a pipe. One question is asked at a time.
#[derive(Debug)]
pub(crate) struct Input {
    questions: mpsc::Sender<Question>,
    answers: mpsc::Receiver<String>,
    is_terminal: bool,
}

impl Input {
    /// Opens standard input, and the screen that prints above the line that is typed.
    /// `term` names the kind of the terminal.
    pub(crate) fn open(term: Option<&str>, known: Arc<Known>) -> Result<(Self, Screen)> {
        let (questions, asked) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(1);
        let dumb = term.is_none_or(|term| term == "dumb");
        let is_terminal =
            !dumb && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let screen = if is_terminal {
            let mut editor = new_editor(known)?;
            let printer = editor.create_external_printer()?;
            std::thread::spawn(move || edit_lines(editor, asked, &answer));
            Screen::above(printer)
        } else {
            std::thread::spawn(move || read_lines(asked, &answer));
            Screen::plain()
        };
        let input = Self {
            questions,
            answers,
            is_terminal,
        };
        Ok((input, screen))
    }

    /// Lets a line be typed behind this prompt.
    pub(crate) async fn prompt(&self, prompt: &str) -> Result<()> {
        self.send(Question::Line(prompt.to_owned())).await
    }

    /// The line that was typed; `None` at the end of the input.
    pub(crate) async fn line(&mut self) -> Option<String> {
        self.answers.recv().await
    }

    /// Asks something, and waits for the answer.
    pub(crate) async fn ask(&mut self, question: &str, screen: &mut Screen) -> Result<String> {
        self.answer(question, Question::Answer, screen).await
    }

    /// Asks until the answer is yes or no; Enter alone is no. What is typed instead may be a
    /// password that came too early.
    pub(crate) async fn ask_whether(
        &mut self,
        question: &str,
        screen: &mut Screen,
    ) -> Result<bool> {
        loop {
            let answer = self.ask(&format!("{question} (y/N)"), screen).await?;
            match yes_or_no(&answer) {
                Some(yes) => return Ok(yes),
                None => screen.print_line("! y or n"),
            }
        }
    }

    /// Asks for a password; a terminal does not show it.
    pub(crate) async fn ask_secret(
        &mut self,
        question: &str,
        screen: &mut Screen,
    ) -> Result<String> {
        self.answer(question, Question::Secret, screen).await
    }

    async fn answer(
        &mut self,
        question: &str,
        kind: fn(String) -> Question,
        screen: &mut Screen,
    ) -> Result<String> {
        // Nothing else prints a prompt for a pipe.
        if !self.is_terminal {
            screen.print_line(question);
        }
        self.send(kind(format!("{question} "))).await?;
        let answer = self.line().await.context("the input ended")?;
        Ok(answer.trim().to_owned())
    }

    async fn send(&self, question: Question) -> Result<()> {
        self.questions
            .send(question)
            .await
            .context("the input ended")
    }
}

fn yes_or_no(answer: &str) -> Option<bool> {
    match answer.to_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "" | "n" | "no" => Some(false),
        _ => None,
    }
}

type LineEditor = Editor<Assistant, MemHistory>;

fn new_editor(known: Arc<Known>) -> Result<LineEditor> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .auto_add_history(false) // passwords are typed here, too
        .color_mode(ColorMode::Forced) // else NO_COLOR would show them
        .build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history)?;
    editor.set_helper(Some(Assistant {
        known,
        secret: false,
    }));
    Ok(editor)
}

fn edit_lines(
    mut editor: LineEditor,
    mut asked: mpsc::Receiver<Question>,
    answer: &mpsc::Sender<String>,
) {
    while let Some(question) = asked.blocking_recv() {
        let secret = matches!(question, Question::Secret(_));
        let is_line = matches!(question, Question::Line(_));
        if let Some(assistant) = editor.helper_mut() {
            assistant.secret = secret;
        }
        let (Question::Line(prompt) | Question::Answer(prompt) | Question::Secret(prompt)) =
            question;
        // Ctrl-C and Ctrl-D end the input.
        let Ok(line) = editor.readline(&prompt) else {
            return;
        };
        let kept = !is_line || editor.add_history_entry(line.as_str()).is_ok();
        if !kept || answer.blocking_send(line).is_err() {
            return;
        }
    }
}

fn read_lines(mut asked: mpsc::Receiver<Question>, answer: &mpsc::Sender<String>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if asked.blocking_recv().is_none() || answer.blocking_send(line).is_err() {
            return;
        }
    }
}

/// What the editor asks of us.
struct Assistant {
    known: Arc<Known>,
    secret: bool,
}

impl Helper for Assistant {}
impl Validator for Assistant {}
impl Hinter for Assistant {
    type Hint = String;
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        if self.secret {
            return Ok((pos, Vec::new()));
        }
        Ok(self.known.complete(line.get(..pos).unwrap_or(line)))
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _pos: usize) -> Cow<'l, str> {
        if self.secret {
            return Cow::Owned("*".repeat(line.chars().count()));
        }
        Cow::Borrowed(line)
    }

    fn highlight_char(&self, _line: &str, _pos: usize, _kind: CmdKind) -> bool {
        self.secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_and_no_are_answers() {
        for (answer, meaning) in [
            ("y", Some(true)),
            ("Yes", Some(true)),
            ("n", Some(false)),
            ("NO", Some(false)),
            ("", Some(false)),
            ("yesterday", None),
            ("correct horse", None),
        ] {
            assert_eq!(yes_or_no(answer), meaning, "{answer}");
        }
    }

    #[test]
    fn tab_completes_commands_channels_and_members() {
        let known = Known::default();
        known
            .channels()
            .extend(["general".to_owned(), "tea".to_owned()]);
        known.members().insert("bob".to_owned());
        for (line, start, found) in [
            ("/hi", 0, vec!["/history "]),
            ("/c", 0, vec!["/create ", "/channels ", "/channel "]),
            ("/channel t", 9, vec!["tea"]),
            ("/channel #t", 9, vec!["tea"]),
            ("/channel ", 9, vec!["general", "tea"]),
            ("good morning b", 13, vec!["bob"]),
            ("good morning ", 13, vec![]),
        ] {
            let found = found.into_iter().map(str::to_owned).collect();
            assert_eq!(known.complete(line), (start, found), "{line}");
        }
    }
}
