//! What can be typed.

/// Every command, what follows it, and what it does.
pub(crate) const COMMANDS: [(&str, &str, &str); 15] = [
    ("/servers", "", "your servers"),
    ("/open", "NUMBER", "go to one of them"),
    ("/create", "NAME", "a new server"),
    ("/join", "CODE", "enter a server"),
    ("/invite", "", "a code for the server that is open"),
    ("/admit", "", "a code that somebody new signs up with"),
    ("/channels", "", "the channels of the server"),
    ("/channel", "NAME", "go to a channel, or create it"),
    (
        "/unread",
        "",
        "channels with messages that you have not read",
    ),
    (
        "/history",
        "",
        "the page before the first one that is shown",
    ),
    ("/edit", "NUMBER TEXT", "change your message of this number"),
    ("/delete", "NUMBER", "delete it"),
    ("/who", "", "members of the server"),
    ("/help", "", "this list"),
    ("/quit", "", "leave"),
];

/// A typed line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    Nothing,
    Say(&'a str),
    Help,
    Quit,
    ListServers,
    OpenServer(usize),
    CreateServer(&'a str),
    JoinServer(&'a str),
    MakeInvite,
    MakeAdmission,
    ListChannels,
    OpenChannel(&'a str),
    ListUnread,
    ShowHistory,
    EditMessage(u64, &'a str),
    DeleteMessage(u64),
    ListMembers,
    /// No command, or one with other arguments than it takes.
    Unknown,
}

impl<'a> Command<'a> {
    /// Reads a line; two slashes begin a text that begins with one.
    pub(crate) fn parse(line: &'a str) -> Self {
        let line = line.trim();
        if line.is_empty() {
            return Self::Nothing;
        }
        if !line.starts_with('/') {
            return Self::Say(line);
        }
        if let Some(text) = line.strip_prefix('/')
            && text.starts_with('/')
        {
            return Self::Say(text);
        }
        let (name, rest) = split_word(line);
        match (name, rest) {
            ("/help", "") => Self::Help,
            ("/quit", "") => Self::Quit,
            ("/servers", "") => Self::ListServers,
            ("/invite", "") => Self::MakeInvite,
            ("/admit", "") => Self::MakeAdmission,
            ("/channels", "") => Self::ListChannels,
            ("/unread", "") => Self::ListUnread,
            ("/history", "") => Self::ShowHistory,
            ("/who", "") => Self::ListMembers,
            (_, "") => Self::Unknown,
            ("/open", number) => number.parse().map_or(Self::Unknown, Self::OpenServer),
            ("/create", name) => Self::CreateServer(name),
            ("/join", code) => Self::JoinServer(code),
            ("/channel", name) => Self::OpenChannel(name.trim_start_matches('#')),
            ("/delete", number) => number.parse().map_or(Self::Unknown, Self::DeleteMessage),
            ("/edit", rest) => match split_word(rest) {
                (_, "") => Self::Unknown,
                (number, text) => number
                    .parse()
                    .map_or(Self::Unknown, |number| Self::EditMessage(number, text)),
            },
            _ => Self::Unknown,
        }
    }
}

fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_what_they_ask() {
        for (line, command) in [
            ("", Command::Nothing),
            ("hello there ", Command::Say("hello there")),
            ("//help", Command::Say("/help")),
            ("/join  abc ", Command::JoinServer("abc")),
            (
                "/edit 7 better  text",
                Command::EditMessage(7, "better  text"),
            ),
            ("/edit 7", Command::Unknown),
            ("/edit x y", Command::Unknown),
            ("/delete 7", Command::DeleteMessage(7)),
            ("/channel #tea", Command::OpenChannel("tea")),
            ("/create The Kitchen", Command::CreateServer("The Kitchen")),
            ("/create", Command::Unknown),
            ("/history", Command::ShowHistory),
            ("/nonsense", Command::Unknown),
        ] {
            assert_eq!(Command::parse(line), command, "{line}");
        }
    }

    #[test]
    fn each_command_of_the_help_is_one() {
        for (name, arguments, _) in COMMANDS {
            let line = format!("{name} {}", arguments.replace("NUMBER", "7"));
            assert_ne!(Command::parse(&line), Command::Unknown, "{line}");
        }
    }
}
