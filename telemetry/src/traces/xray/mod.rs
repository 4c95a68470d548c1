//! Sends spans to an X-Ray daemon: each span becomes a segment document in its own datagram.

mod causes;
mod fit;
mod status;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, ToSocketAddrs as _, UdpSocket};
use std::slice;
use std::time::Duration;

use opentelemetry_aws::xray_exporter::SegmentTranslator;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use parking_lot::Mutex;

use super::losses::{Cause, Lost};

/// X-Ray can search by these attributes (annotations). `otel-collector.yaml` has the same list.
const ANNOTATIONS: [&str; 5] =
    ["error.code", "error.type", "http.route", "object_id", "request_id"];

/// The first line of each datagram (AWS X-Ray Developer Guide, "Sending segment documents to the X-Ray daemon").
const HEADER: &[u8] = b"{\"format\": \"json\", \"version\": 1}\n";

/// The daemon. Its name is resolved for the first spans, and again after a loss, because it may have moved.
#[derive(Debug)]
pub(super) struct Daemon {
    address: String,
    timeout: Duration,
    translator: SegmentTranslator,
    socket: Mutex<Option<UdpSocket>>,
}

impl Daemon {
    pub(super) fn new(address: String, timeout: Duration) -> Self {
        let translator = SegmentTranslator::new()
            .with_indexed_attrs(ANNOTATIONS.map(str::to_owned))
            .metadata_all_attrs()
            // A `traceparent` may have any id, and X-Ray accepts it.
            .skip_timestamp_validation();
        Self { address, timeout, translator, socket: Mutex::new(None) }
    }

    pub(super) fn set_resource(&mut self, resource: &Resource) {
        self.translator.set_resource(&fit::resource(resource));
    }

    /// Sends `batch`, and returns what was lost, as far as this host can know.
    pub(super) fn export(&self, batch: Vec<SpanData>) -> Option<Lost> {
        let spans = batch.len();
        let mut kept = self.socket.lock();
        let socket = match kept.take().map_or_else(|| self.connect(), Ok) {
            Ok(socket) => socket,
            Err(error) => {
                return Some(Lost { spans, cause: Cause::ExportFailed, why: self.fault(&error) });
            }
        };
        let mut lost: Option<Lost> = None;
        let mut count_lost = |why: String| match &mut lost {
            Some(lost) => lost.spans += 1,
            None => lost = Some(Lost { spans: 1, cause: Cause::ExportFailed, why }),
        };
        // If nobody received a datagram, the error comes later: with the next one, instead of sending it.
        let refused = || socket.take_error().unwrap_or_else(Some).map(|error| self.fault(&error));
        let mut datagram = HEADER.to_vec();
        for mut span in batch {
            status::tell(&mut span);
            causes::tell(&mut span);
            fit::span(&mut span);
            // One span at a time: the translator silently leaves out spans that it can't translate.
            let documents = self.translator.translate_spans(slice::from_ref(&span));
            let Some(document) = documents.first() else {
                count_lost(format!("X-Ray has no form for the span {:?}", span.name));
                continue;
            };
            datagram.truncate(HEADER.len());
            document.to_writer(&mut datagram);
            refused().into_iter().for_each(&mut count_lost);
            if let Err(error) = socket.send(&datagram) {
                count_lost(self.fault(&error));
            }
        }
        refused().into_iter().for_each(&mut count_lost);
        if lost.is_none() {
            *kept = Some(socket);
        }
        lost
    }

    fn connect(&self) -> io::Result<UdpSocket> {
        let address = self.address.to_socket_addrs()?.next();
        let address = address.ok_or_else(|| io::Error::other("the name leads nowhere"))?;
        let socket = if address.is_ipv4() {
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        } else {
            UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
        }?;
        socket.connect(address)?;
        socket.set_write_timeout(Some(self.timeout))?;
        Ok(socket)
    }

    fn fault(&self, error: &io::Error) -> String {
        format!("the X-Ray daemon at {}: {error}", self.address)
    }
}
