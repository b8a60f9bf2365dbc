//! The page that browsers load: its files as they go out, compressed when they were built.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use shared::hex;

/// What the web build left when this program was compiled: names and contents.
const BUILT_IN: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));
/// The file that every address of the page shows.
const INDEX: &str = "/index.html";
/// Where names change with contents.
const HASHED: &str = "/assets/";
/// How many bytes of a hash tell one version of a file from all others.
const TAG_BYTES: usize = 16;

/// How a file may be encoded, the smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Brotli, which browsers take over TLS.
    Brotli,
    /// Gzip, for all others.
    Gzip,
}

impl Encoding {
    /// All of them, the smallest first.
    pub const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// As HTTP calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What the web build appends to the name of a file that it encoded.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }
}

/// A file of the page.
#[derive(Debug)]
pub struct PageFile {
    /// Its media type.
    pub media_type: &'static str,
    /// Whether its name changes with its content.
    pub hashed: bool,
    /// Names this version of it.
    tag: String,
    bytes: Bytes,
    encoded: [Option<Bytes>; Encoding::ALL.len()],
}

/// What goes out of a file.
pub struct Representation {
    /// How it is encoded, if it is.
    pub encoding: Option<Encoding>,
    /// Names this version in this encoding, in quotes.
    pub tag: String,
    /// The bytes.
    pub bytes: Bytes,
}

impl PageFile {
    fn new(path: &str, bytes: Bytes) -> Self {
        let hash = Sha256::digest(&bytes);
        Self {
            media_type: media_type(path),
            hashed: path.starts_with(HASHED),
            tag: hex::encode(hash.get(..TAG_BYTES).unwrap_or_default()),
            bytes,
            encoded: [const { None }; Encoding::ALL.len()],
        }
    }

    /// The smallest form that `accepts` takes.
    pub fn represent(&self, accepts: impl Fn(Encoding) -> bool) -> Representation {
        let mut encoded = Encoding::ALL.into_iter().zip(&self.encoded);
        let found = encoded.find_map(|(encoding, bytes)| {
            let bytes = bytes.as_ref().filter(|_| accepts(encoding))?;
            Some((encoding, bytes))
        });
        match found {
            Some((encoding, bytes)) => Representation {
                encoding: Some(encoding),
                tag: format!("\"{}-{}\"", self.tag, encoding.name()),
                bytes: bytes.clone(),
            },
            None => Representation {
                encoding: None,
                tag: format!("\"{}\"", self.tag),
                bytes: self.bytes.clone(),
            },
        }
    }
}

/// All files of a page.
#[derive(Debug, Default)]
pub struct Page(HashMap<String, PageFile>);

impl Page {
    /// The page that this program was built with; empty if there was none.
    pub fn built_in() -> Self {
        Self::new(BUILT_IN.iter().map(|(name, bytes)| {
            let path = format!("/{name}");
            (path, Bytes::from_static(bytes))
        }))
    }

    /// The page in a folder, as it is now.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(inner) = folders.pop() {
            for entry in fs::read_dir(folder.join(&inner))? {
                let entry = entry?;
                let name = inner.join(entry.file_name());
                if entry.path().is_dir() {
                    folders.push(name);
                } else {
                    let bytes = fs::read(entry.path())?;
                    files.push((format!("/{}", name.display()), Bytes::from(bytes)));
                }
            }
        }
        let page = Self::new(files);
        if page.index().is_none() {
            let why = format!("no index.html in {}", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        }
        Ok(page)
    }

    fn new(files: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        let all: HashMap<String, Bytes> = files.into_iter().collect();
        let plain = all
            .iter()
            .filter(|(path, _)| find_original(&all, path).is_none());
        let mut files: HashMap<String, PageFile> = plain
            .map(|(path, bytes)| (path.clone(), PageFile::new(path, bytes.clone())))
            .collect();
        for (path, bytes) in &all {
            let Some((original, encoding)) = find_original(&all, path) else {
                continue;
            };
            // What grew by it goes out as it is.
            if let Some(file) = files.get_mut(original)
                && bytes.len() < file.bytes.len()
                && let Some(place) = file.encoded.get_mut(encoding as usize)
            {
                *place = Some(bytes.clone());
            }
        }
        Self(files)
    }

    /// The file at this path.
    pub fn find(&self, path: &str) -> Option<&PageFile> {
        self.0.get(path)
    }

    /// The file that every address of the page shows.
    pub fn index(&self) -> Option<&PageFile> {
        self.find(INDEX)
    }
}

/// Which of the files this one encodes, and how.
fn find_original<'a>(all: &HashMap<String, Bytes>, path: &'a str) -> Option<(&'a str, Encoding)> {
    Encoding::ALL.into_iter().find_map(|encoding| {
        let original = path.strip_suffix(encoding.suffix())?;
        all.contains_key(original).then_some((original, encoding))
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(files: &[(&str, &'static [u8])]) -> Page {
        let files = files.iter();
        Page::new(files.map(|(path, bytes)| ((*path).to_owned(), Bytes::from_static(bytes))))
    }

    #[test]
    fn an_encoded_file_is_a_form_of_its_original() {
        let page = page(&[
            ("/assets/a.js", b"aaaaaaaa"),
            ("/assets/a.js.br", b"a8"),
            ("/assets/a.js.gz", b"a*8"),
            ("/b.css", b"b"),
            ("/b.css.br", b"larger"),
            ("/alone.gz", b"c"),
        ]);
        let file = page.find("/assets/a.js").unwrap();
        assert!(file.hashed && file.media_type.starts_with("text/javascript"));
        let all = file.represent(|_| true);
        assert_eq!(
            (all.encoding, &all.bytes[..]),
            (Some(Encoding::Brotli), &b"a8"[..])
        );
        let gzip = file.represent(|encoding| encoding == Encoding::Gzip);
        assert_eq!(
            (gzip.encoding, &gzip.bytes[..]),
            (Some(Encoding::Gzip), &b"a*8"[..])
        );
        let plain = file.represent(|_| false);
        assert_eq!((plain.encoding, &plain.bytes[..]), (None, &b"aaaaaaaa"[..]));
        assert!(all.tag != gzip.tag && gzip.tag != plain.tag);
        assert!(page.find("/assets/a.js.br").is_none());
        assert_eq!(
            page.find("/b.css").unwrap().represent(|_| true).encoding,
            None
        );
        assert!(!page.find("/alone.gz").unwrap().hashed);
        assert!(page.index().is_none());
    }

    #[test]
    fn another_content_has_another_tag() {
        let tag = |bytes| {
            page(&[("/a.js", bytes)])
                .find("/a.js")
                .unwrap()
                .represent(|_| true)
                .tag
        };
        assert_eq!(tag(b"1"), tag(b"1"));
        assert_ne!(tag(b"1"), tag(b"2"));
    }
}
