//! The name of the database in a URL of Postgres.

use anyhow::{Context as _, Result, ensure};

/// The database that a URL names.
pub(crate) fn name(url: &str) -> Result<&str> {
    Ok(split(url)?.1)
}

/// The URL of another database of the same server.
pub(crate) fn with_name(url: &str, name: &str) -> Result<String> {
    let (server, _, query) = split(url)?;
    Ok(format!("{server}/{name}{query}"))
}

/// What stands before the name, the name, and what follows it.
fn split(url: &str) -> Result<(&str, &str, &str)> {
    let (path, query) = url.split_at(url.find('?').unwrap_or(url.len()));
    // Not the URL itself: there may be a password in it.
    let (server, name) = path.rsplit_once('/').context("DATABASE_URL is no URL")?;
    ensure!(
        !name.is_empty() && !server.ends_with(":/"),
        "DATABASE_URL names no database"
    );
    Ok((server, name, query))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server() {
        for (url, named, other) in [
            ("postgres://h:1/confab", "confab", "postgres://h:1/x"),
            (
                "postgres://u:p@h/talk?sslmode=require",
                "talk",
                "postgres://u:p@h/x?sslmode=require",
            ),
            (
                "postgres:///confab?host=/run/pg",
                "confab",
                "postgres:///x?host=/run/pg",
            ),
        ] {
            assert_eq!(with_name(url, "x").unwrap(), other);
            assert_eq!(name(url).unwrap(), named);
        }
    }

    #[test]
    fn a_url_without_a_database_is_refused() {
        for bad in ["postgres://host", "postgres://host/", "host=localhost", ""] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
