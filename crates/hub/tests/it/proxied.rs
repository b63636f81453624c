//! A hub behind a reverse proxy, as its socket sees it. The real proxy is in the system tests.

use baton_hub::HubOptions;
use baton_protocol::*;

use crate::http::request;
use crate::world::{Backend, World};

async fn behind(url: &str, trusted: &[&str]) -> World {
    let options = HubOptions {
        public_url: Some(url.parse().unwrap()),
        trusted_proxies: trusted.iter().map(|text| text.parse().unwrap()).collect(),
        ..HubOptions::default()
    };
    World::start_with(Backend::Memory, options).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_answers_with_and_without_its_prefix_under_its_public_name() {
    let world = behind("https://hub.example/a/baton/", &[]).await;
    let code = world.hub().link_code(Role::Device, world.hub().account());
    let link: LinkCode = code.await.unwrap().to_string().parse().unwrap();
    assert_eq!(link.hub.authority, "hub.example:443");
    assert_eq!(link.hub.public_path.as_deref(), Some("/a/baton/"));
    assert_eq!(link.hub.fingerprint, None);
    let ask = async |path: &str, host: &str| {
        let (first, host) = (format!("GET {path} HTTP/1.1"), format!("Host: {host}"));
        request(world.hub(), &[&first, &host], "").await.0
    };
    for path in ["/healthz", "/a/baton/healthz"] {
        assert_eq!(ask(path, "hub.example").await, 200, "{path}");
        assert_eq!(ask(path, "evil.example").await, 403, "{path}");
    }
    assert_eq!(ask("/a/baton/v1/link", "hub.example").await, 405);
    assert_eq!(ask("/a/healthz", "hub.example").await, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_links_count_for_the_address_that_a_trusted_proxy_names() {
    for (trusted, other_address) in [(&["127.0.0.1"][..], 404), (&[][..], 429)] {
        let world = behind("https://hub.example/", trusted).await;
        let guess = async |from: &str| {
            let forwarded = format!("X-Forwarded-For: 1.1.1.1, {from}");
            let body = format!(r#"{{"code":"{}","name":"x"}}"#, "0".repeat(32));
            let head = ["POST /v1/link HTTP/1.1", &forwarded];
            request(world.hub(), &head, &body).await.0
        };
        while guess("203.0.113.9").await != 429 {}
        assert_eq!(guess("203.0.113.10").await, other_address, "{trusted:?}");
        // An IPv6 site has one rate.
        if !trusted.is_empty() {
            while guess("2001:db8::1").await != 429 {}
            assert_eq!(guess("2001:db8::2").await, 429);
            assert_eq!(guess("2001:db8:0:1::1").await, 404);
        }
    }
}
