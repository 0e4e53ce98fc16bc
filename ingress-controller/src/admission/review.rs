//! Question and answer: the bytes of an AdmissionReview in, those of another out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use http::StatusCode;
use ingress_core::Verdict;
use k8s_openapi::api::networking::v1::Ingress;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The only version of the question.
const VERSION: &str = "admission.k8s.io/v1";
const REVIEW: &str = "AdmissionReview";
/// The identifier of a question is a UUID; it is sent back.
const LONGEST_UID: usize = 128;
/// Bytes of a refusal: what is quoted in it may be long.
const LONGEST_MESSAGE: usize = 4096;
/// The API server cuts warnings above 256 characters, and all of them above 4096; it asks for 120.
const LONGEST_WARNING: usize = 256;
const MOST_WARNINGS: usize = 20;
const LONGEST_WARNINGS: usize = 4096;

/// An answer to an AdmissionReview.
#[derive(Debug)]
pub(super) struct Answer {
    /// An AdmissionReview.
    pub(super) body: Vec<u8>,
    /// What was judged; `None` if there was nothing to judge, and the answer is yes.
    pub(super) judged: Option<Judged>,
}

/// An Ingress that was judged.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) refused: bool,
    pub(super) time: Duration,
}

/// A question that has no answer, as HTTP says it.
pub(super) type NoAnswer = (StatusCode, String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review<R> {
    api_version: String,
    kind: String,
    request: Option<R>,
}

/// What is looked at first.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    uid: String,
    kind: Kind,
    operation: String,
    #[serde(default)]
    sub_resource: Option<String>,
    /// Not read before it is known to be an Ingress: any JSON can stand here.
    #[serde(default)]
    #[expect(dead_code, reason = "its presence must not be an error")]
    object: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    group: String,
    version: String,
    kind: String,
}

/// What is read of a question about an Ingress.
#[derive(Deserialize)]
struct Candidate {
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    name: Option<String>,
    object: Option<Ingress>,
}

/// Answers a question. Ingresses of networking.k8s.io/v1 are judged, and those that are about to go pass; the API server converts older
/// versions before it asks.
pub(super) fn answer(body: &[u8], judge: &dyn Fn(&Ingress) -> Verdict) -> Result<Answer, NoAnswer> {
    let bad = |problem: String| (StatusCode::BAD_REQUEST, problem);
    let review: Review<Head> = read(body).map_err(|error| bad(format!("this is no {REVIEW}: {error}\n")))?;
    if review.kind != REVIEW || review.api_version != VERSION {
        return Err(bad(format!("only kind {REVIEW} of {VERSION} is answered here\n")));
    }
    let head = review.request.ok_or_else(|| bad(format!("this {REVIEW} has no request\n")))?;
    if head.uid.is_empty() || head.uid.len() > LONGEST_UID {
        return Err(bad(format!("request.uid: it must have 1 to {LONGEST_UID} bytes\n")));
    }
    let Kind { group, version, kind } = &head.kind;
    if (group.as_str(), version.as_str(), kind.as_str()) != ("networking.k8s.io", "v1", "Ingress") {
        return Err(bad(
            "request.kind: only Ingresses of networking.k8s.io/v1 are judged here; correct the rules of the \
                        ValidatingWebhookConfiguration\n"
                .into(),
        ));
    }
    // What changes only the status, or goes away, changes nothing that is served.
    let is_status = head.sub_resource.as_deref().is_some_and(|part| !part.is_empty());
    if is_status || !matches!(head.operation.as_str(), "CREATE" | "UPDATE") {
        return Ok(Answer { body: write(&head.uid, &Verdict::default()), judged: None });
    }
    let candidate: Review<Candidate> = match read(body) {
        Ok(candidate) => candidate,
        // The API server has checked the object, so this is one of a kind that we do not know yet.
        Err(error) => return Ok(refuse(&head.uid, format!("the Ingress cannot be read: {error}"))),
    };
    let Some(Candidate { namespace, name, object: Some(mut ingress) }) = candidate.request else {
        return Err(bad("request.object: it is missing\n".into()));
    };
    let names = &mut ingress.metadata;
    names.namespace = names.namespace.take().or(namespace);
    names.name = names.name.take().or(name);
    if names.deletion_timestamp.is_some() {
        return Ok(Answer { body: write(&head.uid, &Verdict::default()), judged: None });
    }
    let start = Instant::now();
    let verdict = catch_unwind(AssertUnwindSafe(|| judge(&ingress))).map_err(|_| {
        tracing::error!("admission webhook: an Ingress made the compile fail; please report this defect");
        (StatusCode::INTERNAL_SERVER_ERROR, "the compile failed; this is a defect, please report it\n".into())
    })?;
    let time = start.elapsed();
    let [namespace, name] =
        [ingress.metadata.namespace, ingress.metadata.name].map(Option::unwrap_or_default);
    let judged = Some(Judged { namespace, name, refused: verdict.refused.is_some(), time });
    Ok(Answer { body: write(&head.uid, &verdict), judged })
}

/// Errors name the field and show what is wrong with it, which is no news to the caller.
fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| cut(&error.to_string(), 512))?;
    json.end().map_err(|error| error.to_string())?;
    Ok(value)
}

fn refuse(uid: &str, message: String) -> Answer {
    let mut verdict = Verdict::default();
    verdict.refused = Some(message);
    Answer { body: write(uid, &verdict), judged: None }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Status {
    status: &'static str,
    code: u16,
    reason: &'static str,
    message: String,
}

fn write(uid: &str, verdict: &Verdict) -> Vec<u8> {
    let message = verdict.refused.as_deref().map(|message| cut(message, LONGEST_MESSAGE));
    let status =
        message.map(|message| Status { status: "Failure", code: 400, reason: "BadRequest", message });
    let response = Response { uid, allowed: status.is_none(), status, warnings: warnings(&verdict.warnings) };
    // A structure of texts and numbers can always be written.
    serde_json::to_vec(&Reply { api_version: VERSION, kind: REVIEW, response }).unwrap_or_default()
}

/// As many as the API server passes on, and how many there are more.
fn warnings(all: &[String]) -> Vec<String> {
    let mut room = LONGEST_WARNINGS - LONGEST_WARNING;
    let mut shown = Vec::new();
    for warning in all {
        // It refuses those with control characters.
        let warning = cut(&warning.replace(char::is_control, " "), LONGEST_WARNING);
        if shown.len() + 1 == MOST_WARNINGS || warning.len() > room {
            shown.push(format!("and {} more warnings", all.len() - shown.len()));
            break;
        }
        room -= warning.len();
        shown.push(warning);
    }
    shown
}

/// At most `most` bytes of a text.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}
