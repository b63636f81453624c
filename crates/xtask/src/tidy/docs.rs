//! Public types, traits and functions of the library crates say what they are. Fields and variants need not: `missing_docs` cannot
//! tell them apart, so the compiler does not check this. Nor need `new`.

use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemImpl, TraitItemFn, Visibility};

use super::Finding;
use super::source::SourceFile;

/// Crates that other code builds on.
const LIBRARIES: [&str; 9] = [
    "client",
    "hub",
    "log",
    "log-sqlite",
    "private-files",
    "protocol",
    "runner",
    "session",
    "transport",
];

/// Public items without a doc comment. Items inside macro calls are not seen.
pub fn public_items(file: &SourceFile) -> Vec<Finding> {
    let is_library = LIBRARIES
        .iter()
        .any(|name| file.path.starts_with(&format!("crates/{name}/src/")));
    if !is_library || !file.is_rust() || file.is_test() {
        return Vec::new();
    }
    let Ok(parsed) = syn::parse_file(&file.text) else {
        return vec![Finding::error(&file.path, "this is not Rust")];
    };
    let mut undocumented = Undocumented {
        path: &file.path,
        findings: Vec::new(),
    };
    undocumented.visit_file(&parsed);
    undocumented.findings
}

struct Undocumented<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl Undocumented<'_> {
    fn check(&mut self, attributes: &[Attribute], name: &syn::Ident) {
        if attributes
            .iter()
            .any(|attribute| attribute.path().is_ident("doc"))
        {
            return;
        }
        let line = name.span().start().line;
        self.findings.push(Finding::error(
            format!("{}:{line}", self.path),
            format!("`{name}` is public and has no doc comment"),
        ));
    }
}

impl<'ast> Visit<'ast> for Undocumented<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(attributes_of(item)) {
            return;
        }
        match item {
            Item::Struct(each) if is_public(&each.vis) => self.check(&each.attrs, &each.ident),
            Item::Enum(each) if is_public(&each.vis) => self.check(&each.attrs, &each.ident),
            Item::Trait(each) if is_public(&each.vis) => self.check(&each.attrs, &each.ident),
            Item::Fn(each) if is_public(&each.vis) => self.check(&each.attrs, &each.sig.ident),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_item_impl(&mut self, block: &'ast ItemImpl) {
        // A trait's methods are documented at the trait.
        if block.trait_.is_none() {
            visit::visit_item_impl(self, block);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if is_public(&function.vis) && function.sig.ident != "new" {
            self.check(&function.attrs, &function.sig.ident);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        self.check(&function.attrs, &function.sig.ident);
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(each) => &each.attrs,
        Item::Fn(each) => &each.attrs,
        Item::Impl(each) => &each.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]`, and features that only tests switch on.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.meta.require_list();
        attribute.path().is_ident("cfg")
            && condition.is_ok_and(|condition| condition.tokens.to_string().contains("test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let file = SourceFile {
            path: "crates/log/src/a.rs".to_owned(),
            text: text.to_owned(),
        };
        let findings = public_items(&file);
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn public_types_traits_and_functions_need_a_comment_and_fields_do_not() {
        let text = "/// A.\npub struct A { pub field: u8 }\npub struct B;\n/// T.\npub trait T {\n    fn f();\n}\nimpl A {\n    pub fn g() {}\n    fn h() {}\n}\nimpl T for A { fn f() {} }\nfn private() {}\n";
        assert_eq!(
            found(text),
            [
                "crates/log/src/a.rs:3",
                "crates/log/src/a.rs:6",
                "crates/log/src/a.rs:9"
            ]
        );
    }

    #[test]
    fn tests_need_none() {
        assert!(found("#[cfg(test)]\nmod tests {\n    pub fn helper() {}\n}\n").is_empty());
    }
}
