//! Enums without fields: their names and meanings, and how they travel.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Result, Variant};

use crate::read_doc;

pub(crate) fn expand_closed_set(input: &DeriveInput) -> Result<TokenStream> {
    let (set, variants) = (&input.ident, list_variants(input)?);
    let docs = variants.iter().map(|variant| read_doc(&variant.attrs));
    let verbatim = input
        .attrs
        .iter()
        .any(|attribute| attribute.path().is_ident("verbatim"));
    let names = variants.iter().map(|variant| {
        let name = variant.ident.to_string();
        if verbatim { name } else { to_snake_case(&name) }
    });
    let variants: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    Ok(quote! {
        impl #set {
            /// Every value with its meaning, in the order of the declaration.
            pub const ALL: &[(Self, &'static str)] = &[#((Self::#variants, #docs)),*];

            /// The name in references, JSON, logs and metrics.
            pub const fn name(self) -> &'static str {
                match self { #(Self::#variants => #names),* }
            }
        }
    })
}

pub(crate) fn expand_choice(input: &DeriveInput) -> Result<TokenStream> {
    let (set, doc, variants) = (&input.ident, read_doc(&input.attrs), list_variants(input)?);
    let docs = variants.iter().map(|variant| read_doc(&variant.attrs));
    let names = variants
        .iter()
        .map(|variant| to_snake_case(&variant.ident.to_string()));
    let variants: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let first = variants.first();
    let set_name = set.to_string();
    Ok(quote! {
        impl #set {
            const SHAPE: crate::wire::EnumShape = crate::wire::EnumShape {
                name: #set_name,
                doc: #doc,
                values: &[#((Self::#variants as u8, #names, #docs)),*],
            };

            /// Its number on the wire and in Postgres.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The value with this number.
            pub fn from_number(number: u8) -> Option<Self> {
                [#(Self::#variants),*].into_iter().find(|value| value.number() == number)
            }
        }

        impl ::serde::Serialize for #set {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                crate::wire::serialize_choice(&Self::SHAPE, self.number(), serializer)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for #set {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = crate::wire::deserialize_choice(&Self::SHAPE, deserializer)?;
                Self::from_number(number)
                    .ok_or_else(|| ::serde::de::Error::custom(concat!("not a ", #set_name)))
            }
        }

        impl crate::wire::Wire for #set {
            fn shape() -> crate::wire::Shape {
                crate::wire::Shape::Enum(&Self::SHAPE)
            }
            fn sample() -> Self {
                Self::#first
            }
        }
    })
}

fn list_variants(input: &DeriveInput) -> Result<Vec<&Variant>> {
    match &input.data {
        Data::Enum(data) => Ok(data.variants.iter().collect()),
        _ => Err(Error::new_spanned(input, "a closed set is an enum")),
    }
}

fn to_snake_case(camel: &str) -> String {
    let mut snake = String::new();
    for letter in camel.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
