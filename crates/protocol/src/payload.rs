//! Macros that declare wire types: structs with named fields, and enums of plain names, closed or open to newer names.

/// Structs that are camelCase objects on the wire.
macro_rules! payload {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
        #[serde(rename_all = "camelCase")]
        #[ts(export)]
        pub struct $name { $($(#[$field_doc])* pub $field: $ty,)* }
    )*};
}

/// Closed enums, for control: an unknown name is an error.
macro_rules! closed_enum {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
        #[serde(rename_all = "camelCase")]
        #[ts(export)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }
    )*};
}

/// Open enums, for display: a name from a newer version is kept unchanged.
macro_rules! display_enum {
    ($($(#[$doc:meta])* $name:ident, $ts:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
        #[serde(from = "String", into = "String")]
        #[ts(export, type = $ts)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A name from a newer version, kept unchanged.
            Unknown(String),
        }

        impl $name {
            /// The name on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(name) => name,
                }
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                match name.as_str() {
                    $($text => Self::$variant,)*
                    _ => Self::Unknown(name),
                }
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }
    )*};
}

pub(crate) use {closed_enum, display_enum, payload};
