//! Where a request goes, and what comes back about its key.

use crate::{
    Cooldowns, UpstreamAllow, credentials,
    health::Health,
    vendors::{self, Endpoint},
    verdict::{Verdict, judge},
};
use clawplane_domain::{Timestamp, values::BaseUrl};
use http::{HeaderMap, HeaderValue, StatusCode, uri::PathAndQuery};
use std::{net::IpAddr, sync::Arc};
use url::{Host, Url};

/// No path and no query leads out of the base URL. The first line is the base URL, the second one path and query.
pub fn destination(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (base, target) = text.split_once('\n').unwrap_or(("", text));
    let key = base.parse::<BaseUrl>().ok().and_then(|url| Endpoint::parse(url.as_str()));
    // As it comes out of the HTTP parser.
    let Ok(target) = target.parse::<PathAndQuery>() else { return };
    let path = target.path().trim_start_matches('/');
    let query = credentials::strip_query(target.query());
    for vendor in vendors::table() {
        let route = vendors::resolve(vendor, None, path);
        let Ok(uri) = vendors::destination(vendor, &route, key.as_ref(), path, query.as_deref()) else {
            continue;
        };
        if let Some(key) = &key {
            assert_eq!(uri.authority(), Some(&key.authority), "{uri}");
            assert_eq!(uri.scheme(), Some(&key.scheme), "{uri}");
            // The last segment may be a version, which one in the path takes the place of.
            let parent = key.prefix.rsplit_once('/').map_or("", |(parent, _)| parent);
            assert!(uri.path().starts_with(parent), "{uri} is not below {}", key.prefix);
        }
        assert_eq!(uri.query(), query.as_deref(), "{uri}");
        // What a WHATWG parser, which resolves dots, makes of it is the same place.
        if let Ok(url) = Url::parse(&uri.to_string()) {
            assert_eq!(url.path().matches('/').count(), uri.path().matches(['/', '\\']).count(), "{uri}");
        }
    }
}

/// A base URL that passes without a list is https to a public place, and both parsers of URLs see the same place in it.
/// The first line is the base URL, the rest a list.
pub fn base_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (base, list) = text.split_once('\n').unwrap_or((text, ""));
    let list = list.parse::<UpstreamAllow>();
    let Ok(url) = base.parse::<BaseUrl>() else { return };
    let passes = UpstreamAllow::default().check_url(&url).is_ok();
    if let Ok(list) = list {
        assert!(!passes || list.check_url(&url).is_ok(), "a list only ever adds");
    }
    if !passes {
        return;
    }
    let Ok(parsed) = Url::parse(url.as_str()) else { panic!("{url} is no URL") };
    assert_eq!(parsed.scheme(), "https", "{url}");
    assert!(parsed.username().is_empty() && parsed.password().is_none(), "{url}");
    let endpoint = Endpoint::parse(url.as_str());
    let Some(endpoint) = endpoint else { panic!("{url} passes, and cannot be asked") };
    assert_eq!(endpoint.authority.host(), parsed.host_str().unwrap_or_default(), "{url}");
    assert_eq!(endpoint.authority.port_u16(), parsed.port(), "{url}");
    match parsed.host() {
        Some(Host::Ipv4(ip)) => assert!(!is_inside(IpAddr::V4(ip)), "{url}"),
        Some(Host::Ipv6(ip)) => assert!(!is_inside(IpAddr::V6(ip)), "{url}"),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            assert!(name != "localhost" && !name.ends_with(".localhost"), "{url}");
            assert!(name.parse::<IpAddr>().is_err(), "{url}");
        }
        None => panic!("{url} has no host"),
    }
}

/// Said without the guard's own tables.
fn is_inside(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_multicast()
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
    }
}

/// Whatever a vendor answers, there is a verdict, and a key that is blamed is tried again within the longest wait.
/// Two bytes of status, then a line that is `retry-after`, then the body.
pub fn verdict(data: &[u8]) {
    let Some((status, rest)) = data.split_first_chunk::<2>() else { return };
    let Ok(status) = StatusCode::from_u16(100 + u16::from_le_bytes(*status) % 900) else { return };
    let (line, body) = rest.split_at(rest.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(line) {
        headers.insert("retry-after", value.clone());
        if line.len() % 2 == 0 {
            headers.insert("retry-after-ms", value);
        }
    }
    let (now, times) = (Timestamp::UNIX_EPOCH + chrono::Duration::weeks(2900), Cooldowns::default());
    let Verdict::Bad(fault) = judge(status, &headers, body, now) else { return };
    assert!(!status.is_success(), "{status} is nobody's fault");
    let health = Arc::new(Health::default());
    health.failed(&fault, None, now, &times, |_| {});
    assert!(!health.is_free());
    if !health.is_disabled() {
        health.failed(&fault, None, now, &times, |_| {});
        let longest = now + times.retry_after_max.max(times.exhausted);
        let admission = health.admit(longest, times.probation);
        assert!(matches!(admission, crate::health::Admission::Probe(_)), "{fault:?}: {admission:?}");
    }
}
