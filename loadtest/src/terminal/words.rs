//! What a typed line asks for.

/// A typed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Words<'a> {
    Nothing,
    Say(&'a str),
    Help,
    Servers,
    Open(usize),
    Create(&'a str),
    Join(&'a str),
    Invite,
    Admit,
    Channels,
    Channel(&'a str),
    History,
    Edit(u64, &'a str),
    Delete(u64),
    Who,
    Unknown,
}

impl<'a> Words<'a> {
    /// Reads a line; two slashes begin a text that begins with one.
    pub(super) fn of(line: &'a str) -> Self {
        if line.is_empty() {
            return Self::Nothing;
        }
        let Some(command) = line.strip_prefix('/') else {
            return Self::Say(line);
        };
        if command.starts_with('/') {
            return Self::Say(command);
        }
        let (word, rest) = split(command);
        match (word, rest) {
            ("help", "") => Self::Help,
            ("servers", "") => Self::Servers,
            ("invite", "") => Self::Invite,
            ("admit", "") => Self::Admit,
            ("channels", "") => Self::Channels,
            ("history", "") => Self::History,
            ("who", "") => Self::Who,
            (_, "") => Self::Unknown,
            ("open", number) => number.parse().map_or(Self::Unknown, Self::Open),
            ("create", name) => Self::Create(name),
            ("join", code) => Self::Join(code),
            ("channel", name) => Self::Channel(name),
            ("delete", number) => number.parse().map_or(Self::Unknown, Self::Delete),
            ("edit", rest) => Self::edit(rest),
            _ => Self::Unknown,
        }
    }

    fn edit(rest: &'a str) -> Self {
        let (number, text) = split(rest);
        match number.parse() {
            Ok(number) if !text.is_empty() => Self::Edit(number, text),
            _ => Self::Unknown,
        }
    }
}

fn split(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_what_they_ask() {
        for (line, words) in [
            ("", Words::Nothing),
            ("hello there", Words::Say("hello there")),
            ("//help", Words::Say("/help")),
            ("/join  abc ", Words::Join("abc")),
            ("/edit 7 better  text", Words::Edit(7, "better  text")),
            ("/edit 7", Words::Unknown),
            ("/edit x y", Words::Unknown),
            ("/delete 7", Words::Delete(7)),
            ("/create The Kitchen", Words::Create("The Kitchen")),
            ("/create", Words::Unknown),
            ("/history", Words::History),
            ("/nonsense", Words::Unknown),
        ] {
            assert_eq!(Words::of(line), words, "{line}");
        }
    }
}
