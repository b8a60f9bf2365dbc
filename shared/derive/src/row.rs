//! The row of a struct: `Request` or `Event`, from its attribute.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    DeriveInput, Error, Ident, LitInt, Result, Token, Type, parenthesized,
    parse::{Parse, ParseStream},
};

/// What stands in the brackets of an attribute.
struct RowArguments {
    opcode: LitInt,
    name: Ident,
    reply: Option<Type>,
    access: Option<AccessArgument>,
    limit: Option<Ident>,
    ignores_nonce: bool,
}

/// A variant of `Access`, with its permission.
struct AccessArgument {
    variant: Ident,
    permission: Option<Ident>,
}

impl Parse for RowArguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let opcode = input.parse()?;
        input.parse::<Token![,]>()?;
        let mut row = Self {
            opcode,
            name: input.parse()?,
            reply: None,
            access: None,
            limit: None,
            ignores_nonce: false,
        };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "reply" => row.reply = Some(input.parse()?),
                "access" => row.access = Some(input.parse()?),
                "limit" => row.limit = Some(input.parse()?),
                "nonce" => row.ignores_nonce = input.parse::<Ident>()? == "ignored",
                _ => {
                    return Err(Error::new(
                        key.span(),
                        "none of reply, access, limit, nonce",
                    ));
                }
            }
        }
        Ok(row)
    }
}

impl Parse for AccessArgument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let variant = input.parse()?;
        let mut permission = None;
        if input.peek(syn::token::Paren) {
            let inner;
            parenthesized!(inner in input);
            permission = Some(inner.parse()?);
        }
        Ok(Self {
            variant,
            permission,
        })
    }
}

/// Nothing for a struct that is only part of others.
pub(crate) fn expand_row(input: &DeriveInput, doc: &str) -> Result<TokenStream> {
    const KINDS: [&str; 7] = [
        "command",
        "register",
        "signal",
        "internal",
        "query",
        "forwarded",
        "event",
    ];
    for attribute in &input.attrs {
        let kind = attribute.path().get_ident().map(Ident::to_string);
        let Some(kind) = kind.filter(|kind| KINDS.contains(&kind.as_str())) else {
            continue;
        };
        let row: RowArguments = attribute.parse_args()?;
        return if kind == "event" {
            Ok(expand_event(&input.ident, doc, &row))
        } else {
            expand_request(&input.ident, doc, &kind, &row)
        };
    }
    Ok(TokenStream::new())
}

fn expand_event(event: &Ident, doc: &str, row: &RowArguments) -> TokenStream {
    let (opcode, name) = (&row.opcode, row.name.to_string());
    quote! {
        impl crate::protocol::Event for #event {
            const ROW: crate::protocol::EventRow = crate::protocol::EventRow {
                opcode: #opcode,
                name: #name,
                summary: #doc,
                body: crate::protocol::Codec::of::<Self>(),
            };
        }
    }
}

fn expand_request(
    request: &Ident,
    doc: &str,
    kind: &str,
    row: &RowArguments,
) -> Result<TokenStream> {
    let (opcode, name) = (&row.opcode, row.name.to_string());
    let reply = row
        .reply
        .as_ref()
        .map_or(quote!(()), |reply| quote!(#reply));
    let (access, limit) = match (&row.access, &row.limit) {
        (Some(access), Some(limit)) => (expand_access(access), quote!(#limit)),
        (None, None) if kind == "internal" => (quote!(Workers), quote!(Unlimited)),
        _ => {
            return Err(Error::new_spanned(
                request,
                "who may send it, and how often?",
            ));
        }
    };
    let channel = row
        .access
        .as_ref()
        .is_some_and(|access| access.variant == "Channel");
    let channel = channel.then(|| {
        quote! {
            fn channel(&self) -> Option<crate::ids::ChannelId> {
                Some(self.channel_id)
            }
        }
    });
    let own = match kind {
        "command" | "internal" if !row.ignores_nonce => Some(quote! {
            fn nonce(&self) -> Option<&str> {
                Some(&self.nonce)
            }
        }),
        "register" => Some(quote! {
            fn register(&self) -> Option<(crate::protocol::register::Key, crate::protocol::register::Write)> {
                use crate::protocol::register::WriteRegister;
                Some((self.key(), self.write()))
            }
        }),
        _ => None,
    };
    let (first, rest) = kind.split_at(1);
    let kind = format_ident!("{}{rest}", first.to_uppercase());
    Ok(quote! {
        impl crate::protocol::Request for #request {
            type Reply = #reply;
            const ROW: crate::protocol::Row = crate::protocol::Row {
                opcode: #opcode,
                name: #name,
                summary: #doc,
                kind: crate::protocol::RowKind::#kind,
                access: crate::protocol::Access::#access,
                limit: crate::domain::limits::RateLimit::#limit,
            };
            #channel
            #own
        }
    })
}

fn expand_access(access: &AccessArgument) -> TokenStream {
    let variant = &access.variant;
    if let Some(permission) = &access.permission {
        quote!(#variant(crate::domain::permissions::Permissions::#permission))
    } else {
        quote!(#variant)
    }
}
