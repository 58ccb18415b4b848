use super::*;

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn a_name_that_leads_inside_is_refused_whatever_it_says() {
    let none = UpstreamAllow::default();
    let refused = permitted(&none, true, "rebind.example", &addresses(&["127.0.0.1:443", "[::1]:443"]));
    assert!(matches!(refused, Err(ConnectError::NotAllowed(NotAllowed::Private))));
    let mixed = permitted(&none, true, "rebind.example", &addresses(&["10.0.0.1:443", "1.1.1.1:443"]));
    assert_eq!(mixed.unwrap(), addresses(&["1.1.1.1:443"]), "only the public one is left");
    assert!(matches!(permitted(&none, true, "x", &[]), Err(ConnectError::NoAddress)));
}

#[tokio::test]
async fn a_literal_address_is_checked_like_a_name() {
    let mut guarded = Guarded(Arc::new("127.0.0.1:1".parse().unwrap()));
    for uri in
        ["https://169.254.169.254/latest", "http://127.0.0.1:2/", "https://localhost:443/", "http://[::1]:1/"]
    {
        let error = guarded.call(Uri::from_static(uri)).await.unwrap_err();
        assert!(
            error.downcast_ref::<ConnectError>().is_some_and(|e| matches!(e, ConnectError::NotAllowed(_))),
            "{uri}: {error}"
        );
    }
}

#[tokio::test]
async fn the_second_address_is_tried_when_the_first_refuses() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let open = listener.local_addr().unwrap();
    assert_eq!(connect_any(vec![closed, open]).await.unwrap().peer_addr().unwrap(), open);
}
