//! `docs/configuration-PROGRAM.md`: the flags of a program and the variables behind them.

use clap::{Arg, ArgAction, Command};

use super::{GENERATED, cell};

/// Writes the reference of one program's flags: of the command itself, then of
/// its subcommands. Hidden ones are left out.
pub fn configuration(program: &str, command: &Command) -> String {
    let mut text = format!("{GENERATED}# Configuration of `{program}`\n");
    paragraph(&mut text, command);
    text.push_str(
        "\nA flag beats its environment variable, which beats the default. A list has \
         commas between its values.\n",
    );
    table(&mut text, command);
    subcommands(&mut text, program, command);
    text
}

/// Those of a command, and in turn those of each.
fn subcommands(text: &mut String, path: &str, command: &Command) {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        if sub.get_name() == "help" {
            continue;
        }
        let path = format!("{path} {}", sub.get_name());
        text.push_str(&["\n## `", &path, "`\n"].concat());
        paragraph(text, sub);
        table(text, sub);
        subcommands(text, &path, sub);
    }
}

fn paragraph(text: &mut String, command: &Command) {
    if let Some(about) = command.get_about() {
        let about = sentence(&about.to_string());
        text.push_str(&["\n", &about, "\n"].concat());
    }
}

fn table(text: &mut String, command: &Command) {
    let rows: String = command.get_arguments().filter_map(row).collect();
    if !rows.is_empty() {
        text.push_str("\n| Flag | Variable | Default | Meaning |\n|---|---|---|---|\n");
        text.push_str(&rows);
    }
}

fn row(arg: &Arg) -> Option<String> {
    let id = arg.get_id().as_str();
    if arg.is_hide_set() || id == "help" || id == "version" {
        return None;
    }
    let flag = match arg.get_long() {
        Some(long) => format!("`--{long}`"),
        None => format!("`<{id}>`"),
    };
    let variable = arg
        .get_env()
        .map(|name| format!("`{}`", name.to_string_lossy()))
        .unwrap_or_default();
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    Some(format!(
        "| {flag} | {variable} | {} | {} |\n",
        default(arg),
        sentence(&cell(&help))
    ))
}

fn default(arg: &Arg) -> String {
    let values: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if !values.is_empty() && !arg.is_hide_default_value_set() {
        format!("`{}`", values.join(","))
    } else if arg.is_required_set() {
        "required".to_owned()
    } else if matches!(arg.get_action(), ArgAction::SetTrue) {
        "off".to_owned()
    } else {
        String::new()
    }
}

/// clap drops the full stop of a doc comment.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || text.ends_with(['.', '!', '?']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_variables_and_defaults_stand_in_a_table() {
        let command = Command::new("x")
            .about("Does x")
            .arg(
                Arg::new("listen")
                    .long("listen")
                    .env("X_LISTEN")
                    .default_value("127.0.0.1:1")
                    .help("Where to listen"),
            )
            .arg(Arg::new("secret").long("secret").hide(true))
            .arg(
                Arg::new("fast")
                    .long("fast")
                    .action(ArgAction::SetTrue)
                    .help("Be fast | or not"),
            )
            .subcommand(
                Command::new("migrate").about("Migrates.").arg(
                    Arg::new("url")
                        .long("url")
                        .required(true)
                        .help("The database"),
                ),
            );
        let text = configuration("x", &command);
        let expected = [
            "\nDoes x.\n",
            "| `--listen` | `X_LISTEN` | `127.0.0.1:1` | Where to listen. |\n",
            "| `--fast` |  | off | Be fast \\| or not. |\n",
            "\n## `x migrate`\n\nMigrates.\n",
            "| `--url` |  | required | The database. |\n",
        ];
        for part in expected {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(!text.contains("secret"));
    }
}
