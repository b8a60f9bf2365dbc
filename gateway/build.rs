//! Puts the page into the binary: every file that the web build left in `web/dist`. Without that
//! folder the gateway is built all the same, and says how to get a page.

use std::{
    env,
    ffi::OsString,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let dist = root.join("web/dist");
    // Made empty, because cargo would run this each time as long as what it watches is missing.
    // Where the sources cannot be written, it does.
    drop(fs::create_dir_all(&dist));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    if dist.is_dir() {
        collect(&dist, &mut files)?;
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&dist).unwrap_or(&file);
        // Debug writes them as Rust reads them.
        let (name, path) = (name.display().to_string(), file.display().to_string());
        writeln!(list, "    ({name:?}, include_bytes!({path:?})),").map_err(io::Error::other)?;
    }
    list.push_str("]\n");
    fs::write(Path::new(&variable("OUT_DIR")).join("page.rs"), list)
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script where it is by variables"
)]
fn variable(name: &str) -> OsString {
    env::var_os(name).unwrap_or_default()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
