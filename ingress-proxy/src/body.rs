//! Bodies: streamed, never collected.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;

use crate::stack::Record;
use crate::upstream::{Answer, Upload};

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request or of an answer.
///
/// Concrete for what the proxy itself moves, so that the hot path neither allocates nor calls through a pointer for it.
pub struct Body {
    kind: Kind,
    /// What the observer is to get when the body of an answer has ended. Dropped last.
    record: Option<Box<Record>>,
}

enum Kind {
    Empty,
    Full(Bytes),
    /// A page of ours, in the place of an endpoint's answer.
    Page(Bytes),
    /// From a client or an endpoint, as hyper hands it out.
    Incoming(Incoming),
    /// From somebody else's server or layer.
    Boxed(UnsyncBoxBody<Bytes, BoxError>),
    /// A client's body on its way to an endpoint.
    Upload(Box<Upload>),
    /// An endpoint's body on its way to a client.
    Answer(Answer),
}

impl Body {
    /// A body without content.
    #[must_use]
    pub fn empty() -> Self {
        Kind::Empty.into()
    }

    /// A body that is here already.
    #[must_use]
    pub fn full(content: impl Into<Bytes>) -> Self {
        Kind::Full(content.into()).into()
    }

    /// A page that says why no endpoint answers.
    pub(crate) fn page(content: impl Into<Bytes>) -> Self {
        Kind::Page(content.into()).into()
    }

    /// True for a page of ours.
    pub(crate) fn is_page(&self) -> bool {
        matches!(self.kind, Kind::Page(_))
    }

    /// Takes any body in. One that hyper made is not boxed.
    #[must_use]
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut body = Some(body);
        let any: &mut dyn Any = &mut body;
        if let Some(incoming) = any.downcast_mut::<Option<Incoming>>().and_then(Option::take) {
            return Kind::Incoming(incoming).into();
        }
        if let Some(ours) = any.downcast_mut::<Option<Self>>().and_then(Option::take) {
            return ours;
        }
        match body {
            Some(body) => Kind::Boxed(body.map_err(Into::into).boxed_unsync()).into(),
            None => Self::empty(),
        }
    }

    pub(crate) fn upload(upload: Upload) -> Self {
        Kind::Upload(Box::new(upload)).into()
    }

    pub(crate) fn answer(answer: Answer) -> Self {
        Kind::Answer(answer).into()
    }

    /// Counts what is read of this body in a record, and drops the record with it.
    pub(crate) fn carry(&mut self, record: Box<Record>) {
        self.record = Some(record);
    }
}

impl From<Kind> for Body {
    fn from(kind: Kind) -> Self {
        Self { kind, record: None }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl Kind {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self {
            Self::Empty => Poll::Ready(None),
            Self::Full(content) | Self::Page(content) if content.is_empty() => Poll::Ready(None),
            Self::Full(content) | Self::Page(content) => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(content)))))
            }
            Self::Incoming(body) => Poll::Ready(ready!(Pin::new(body).poll_frame(cx)).map(|f| Ok(f?))),
            Self::Boxed(body) => Pin::new(body).poll_frame(cx),
            Self::Upload(body) => Pin::new(body).poll_frame(cx),
            Self::Answer(body) => Pin::new(body).poll_frame(cx),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.kind.poll_frame(cx));
        if let (Some(record), Some(Ok(frame))) = (&mut self.record, &frame) {
            record.sent(frame.data_ref().map_or(0, Bytes::len));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Full(content) | Kind::Page(content) => content.is_empty(),
            Kind::Incoming(body) => body.is_end_stream(),
            Kind::Boxed(body) => body.is_end_stream(),
            Kind::Upload(body) => body.is_end_stream(),
            Kind::Answer(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(content) | Kind::Page(content) => SizeHint::with_exact(content.len() as u64),
            Kind::Incoming(body) => body.size_hint(),
            Kind::Boxed(body) => body.size_hint(),
            Kind::Upload(body) => body.size_hint(),
            Kind::Answer(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Empty => "empty",
            Kind::Full(_) => "full",
            Kind::Page(_) => "page",
            Kind::Incoming(_) => "incoming",
            Kind::Boxed(_) => "boxed",
            Kind::Upload(_) => "upload",
            Kind::Answer(_) => "answer",
        };
        f.debug_tuple("Body").field(&kind).finish()
    }
}
