//! The form of a struct: `Wire` and `Debug`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Fields, LitStr, Path, Result};

use crate::{read_doc, row};

/// Fields that must not be seen in logs: `Debug` prints `…` for them.
const SECRETS: [&str; 10] = [
    "token",
    "auth",
    "endpoint",
    "p256dh",
    "password",
    "password_hash",
    "new_password",
    "replaced_hash",
    "code",
    "invite",
];

/// What serde's attributes say of a field.
#[derive(Default)]
struct SerdeOptions {
    has_default: bool,
    with: Option<Path>,
}

pub(crate) fn expand_body(input: &DeriveInput) -> Result<TokenStream> {
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            _ => return Err(Error::new_spanned(input, "a body has named fields")),
        },
        _ => return Err(Error::new_spanned(input, "a body is a struct")),
    };
    let (name, doc) = (&input.ident, read_doc(&input.attrs));
    let (mut shapes, mut samples, mut canonical, mut shown) = (vec![], vec![], vec![], vec![]);
    for field in fields {
        let Some(ident) = &field.ident else { continue };
        let text = ident.to_string();
        let options = read_options(field)?;
        shapes.push(expand_shape(field, &text, &options));
        samples.push(quote!(#ident: crate::wire::Wire::sample_of(#text)));
        canonical.push(if options.has_default {
            quote!(crate::wire::canonical_field(&self.#ident, Some(&Default::default())))
        } else {
            quote!(crate::wire::canonical_field(&self.#ident, None))
        });
        shown.push(if SECRETS.contains(&text.as_str()) {
            quote!(.field(#text, &format_args!("…")))
        } else {
            quote!(.field(#text, &self.#ident))
        });
    }
    let row = row::expand_row(input, &doc)?;
    let name_text = name.to_string();
    Ok(quote! {
        impl ::std::fmt::Debug for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(#name_text) #(#shown)* .finish()
            }
        }

        impl crate::wire::Wire for #name {
            fn shape() -> crate::wire::Shape {
                static SHAPE: crate::wire::StructShape = crate::wire::StructShape {
                    name: #name_text,
                    doc: #doc,
                    fields: &[#(#shapes),*],
                };
                crate::wire::Shape::Struct(&SHAPE)
            }
            fn sample() -> Self {
                Self { #(#samples),* }
            }
            fn canonical(&self, bytes: &mut Vec<u8>) {
                crate::wire::canonical_fields(&[#(#canonical),*], bytes);
            }
        }

        #row
    })
}

fn expand_shape(field: &Field, name: &str, options: &SerdeOptions) -> TokenStream {
    let (kind, doc, has_default) = (&field.ty, read_doc(&field.attrs), options.has_default);
    let shape = if let Some(module) = &options.with {
        quote!(#module::shape)
    } else {
        quote!(<#kind as crate::wire::Wire>::shape)
    };
    quote! {
        crate::wire::FieldShape { name: #name, doc: #doc, shape: #shape, has_default: #has_default }
    }
}

fn read_options(field: &Field) -> Result<SerdeOptions> {
    let mut options = SerdeOptions::default();
    for attribute in &field.attrs {
        if !attribute.path().is_ident("serde") {
            continue;
        }
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("default") {
                options.has_default = true;
            } else if meta.path.is_ident("with") {
                options.with = Some(meta.value()?.parse::<LitStr>()?.parse()?);
            } else {
                return Err(
                    meta.error("a body's form is that of its fields: only default and with")
                );
            }
            Ok(())
        })?;
    }
    Ok(options)
}
