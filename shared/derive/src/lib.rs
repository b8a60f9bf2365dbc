//! Derives for what the references need to know of a type: names, shapes and doc comments.

mod body;
mod closed_set;
mod row;

use proc_macro::TokenStream;
use syn::{Attribute, DeriveInput, Expr, ExprLit, Lit, Meta, parse_macro_input};

/// Implements `Wire`, `Debug` that hides secrets, and, where an attribute says which
/// row the struct is, `Request` or `Event`:
///
/// ```text
/// #[command(16, message_new, reply = MessageSent, access = Channel(SEND_MESSAGES), limit = Send)]
/// ```
///
/// First come the opcode and the name on the wire. The reply is nothing where it is left
/// out. `access` and `limit` are of the enums `Access` and `RateLimit`, and what a
/// `Channel` access names is looked up in the field `channel_id`. The attributes:
///
/// - `command` writes; it carries a nonce and goes to the lane of its scope;
/// - `register` writes one value of the account: it needs no nonce, as repeating it is safe;
/// - `signal` goes to a lane too, but is neither stored nor repeated;
/// - `internal` is a command that only workers send; with `nonce = ignored` its
///   handler knows a repeat by itself, or does it again unharmed;
/// - `query` stores nothing; any worker answers it;
/// - `forwarded` has no owner yet: any worker prepares it for a lane;
/// - `event` says what happened.
///
/// Fields travel by position. `#[serde(default)]`, on the last ones only, lets a body end
/// before them; `#[serde(with = "module")]` has the shape that `module::shape` says.
#[proc_macro_derive(
    Body,
    attributes(command, register, signal, internal, query, forwarded, event)
)]
pub fn derive_body(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    body::expand_body(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Lists every value of an enum without fields with its meaning, and names it: in snake
/// case, or with `#[verbatim]` as it stands.
#[proc_macro_derive(ClosedSet, attributes(verbatim))]
pub fn derive_closed_set(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    closed_set::expand_closed_set(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Lets an enum without fields travel: as its number in MessagePack, as its name in snake
/// case in JSON.
#[proc_macro_derive(Choice)]
pub fn derive_choice(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    closed_set::expand_choice(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// The doc comment as one line.
fn read_doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(meta) = &attribute.meta else {
            return None;
        };
        let Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) = &meta.value
        else {
            return None;
        };
        meta.path
            .is_ident("doc")
            .then(|| text.value().trim().to_owned())
    });
    lines.collect::<Vec<_>>().join(" ")
}
