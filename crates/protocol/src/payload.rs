//! How the types of the wire are written down: structs of named fields, and enums of names alone.

/// Structs that stand on the wire as camelCase objects.
macro_rules! payload {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
        #[serde(rename_all = "camelCase")]
        #[ts(export)]
        pub struct $name { $($(#[$field_doc])* pub $field: $ty,)* }
    )*};
}

/// Control enums: closed, an unknown name is an error.
macro_rules! closed_enum {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
        #[serde(rename_all = "camelCase")]
        #[ts(export)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }
    )*};
}

pub(crate) use {closed_enum, payload};
