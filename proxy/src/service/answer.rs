//! From the head of a vendor's answer to what the client gets.

use super::admit::Admitted;
use crate::{
    body::{Metered, ProxyBody},
    config::Timeouts,
    headers,
    meter::Meter,
    vendor_body::VendorBody,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

impl Admitted {
    /// The client's answer, whose body is metered as it goes by. `injected` when usage was asked for on the way.
    pub(super) fn answer(
        mut self,
        upstream: Response<VendorBody>,
        injected: bool,
        times: (Timeouts, Instant),
        keep: Option<CancellationToken>,
    ) -> Response<ProxyBody> {
        let (mut head, body) = upstream.into_parts();
        headers::strip_hop_by_hop(&mut head.headers);
        self.rates.put(&mut head.headers);
        if self.vendor.id != self.detours.asked.id {
            head.headers.insert(headers::VENDOR, HeaderValue::from_static(self.vendor.id));
        }
        let meter = self.meter(head.status, &head.headers);
        self.flight.answered(head.status.as_u16(), meter.is_stream());
        let strip = injected && meter.is_sse();
        if strip {
            head.headers.remove(header::CONTENT_LENGTH);
        }
        let metered = Metered::new(body, meter, strip, self.flight, times, keep);
        let mut response = Response::new(ProxyBody::vendor(metered));
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
        response
    }

    fn meter(&self, status: StatusCode, headers: &HeaderMap) -> Meter {
        let format = self.route.format;
        let encoding = headers.get(header::CONTENT_ENCODING);
        let readable = encoding.is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
        if !status.is_success() || !readable || !self.metered {
            return Meter::off(format);
        }
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        Meter::new(format, kind, self.stream)
    }
}
