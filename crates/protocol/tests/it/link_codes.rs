use baton_protocol::*;
use proptest::prelude::*;

const SECRET: &str = "00112233445566778899aabbccddeeff";
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[test]
fn a_link_comes_back_as_it_was() {
    for fingerprint in [None, Some(KEY.to_owned())] {
        for authority in ["127.0.0.1:7420", "[::1]:7420", "hub.example:443"] {
            for path in [None, Some("/"), Some("/baton/"), Some("/a-b/~c.d_e/")] {
                let code = LinkCode {
                    hub: HubAddress {
                        authority: authority.into(),
                        fingerprint: fingerprint.clone(),
                        public_path: path.map(str::to_owned),
                    },
                    secret: SECRET.into(),
                };
                assert_eq!(code.to_string().parse(), Ok(code));
            }
        }
    }
}

#[test]
fn a_public_path_is_plain_and_stands_before_every_path_of_the_protocol() {
    for path in [
        "", "//", "baton", "/baton", "baton/", "/a//b/", "/../", "/a/./", "/a%20b/", "/a?b/",
        "/é/", "/a&b/",
    ] {
        assert!(!HubAddress::is_public_path(path), "{path}");
        let link = format!("baton://link?hub=a:1&code={SECRET}&path={path}");
        let is_whole = link.parse::<LinkCode>().is_ok();
        // Anything after `&` is another field.
        assert!(!is_whole || path.contains('&'), "{path}");
    }
    let at = |path: Option<&str>| HubAddress {
        public_path: path.map(str::to_owned),
        ..HubAddress::of_hub("hub.example:443", None)
    };
    for (path, expected) in [
        (None, "/v1/socket"),
        (Some("/"), "/v1/socket"),
        (Some("/baton/"), "/baton/v1/socket"),
    ] {
        assert_eq!(at(path).request_path("/v1/socket"), expected);
    }
    assert_eq!(at(None).recognition(), HubRecognition::Loopback);
    assert_eq!(
        at(Some("/")).recognition(),
        HubRecognition::CertificateStore
    );
}

#[test]
fn damaged_links_say_what_is_wrong() {
    let parse = |text: &str| text.parse::<LinkCode>().expect_err("is damaged");
    assert_eq!(parse("https://example.com"), ParseLinkCodeError::NotALink);
    assert_eq!(
        parse("baton://link?hub=a:1"),
        ParseLinkCodeError::Missing("code")
    );
    assert_eq!(
        parse(&format!("baton://link?code={SECRET}")),
        ParseLinkCodeError::Missing("hub")
    );
    assert_eq!(
        parse("baton://link?hub=a:1&code=short"),
        ParseLinkCodeError::Damaged("code")
    );
    assert_eq!(
        parse(&format!("baton://link?hub=a&code={SECRET}")),
        ParseLinkCodeError::Damaged("hub")
    );
    assert_eq!(
        parse(&format!("baton://link?hub=a/b:1&code={SECRET}")),
        ParseLinkCodeError::Damaged("hub")
    );
    assert_eq!(
        parse(&format!("baton://link?hub=a:1&code={SECRET}&key=00")),
        ParseLinkCodeError::Damaged("key")
    );
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let code: LinkCode = format!("baton://link?hub=a:1&code={SECRET}")
        .parse()
        .expect("a link");
    assert!(!format!("{code:?}").contains(SECRET));
    let request = LinkRequest {
        code: SECRET.into(),
        name: "Laptop".into(),
    };
    assert!(!format!("{request:?}").contains(SECRET));
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = text.parse::<LinkCode>();
        let _ = format!("baton://link?{text}").parse::<LinkCode>();
    }
}
