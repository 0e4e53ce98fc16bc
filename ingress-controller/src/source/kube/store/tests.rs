use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use k8s_openapi::api::networking::v1::{Ingress, IngressLoadBalancerIngress};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::*;

fn name(name: &str) -> ObjectName {
    ObjectName { namespace: "shop".into(), name: name.into() }
}

fn meta(name: &str) -> ObjectMeta {
    ObjectMeta { namespace: Some("shop".into()), name: Some(name.into()), ..ObjectMeta::default() }
}

fn secret(value: &str) -> Secret {
    let data = [("tls.key".to_owned(), ByteString(value.into()))].into();
    Secret { metadata: meta("tls"), data: Some(data), ..Secret::default() }
}

fn slice(service: &str, address: &str) -> EndpointSlice {
    let mut slice = EndpointSlice { metadata: meta("web-1"), ..EndpointSlice::default() };
    slice.metadata.labels = Some([("kubernetes.io/service-name".to_owned(), service.to_owned())].into());
    slice.endpoints = vec![Endpoint { addresses: vec![address.into()], ..Endpoint::default() }];
    slice
}

fn of_services(names: &[&str]) -> Touched {
    Touched::Endpoints(names.iter().map(|service| name(service)).collect())
}

fn held(store: &Store<Secret>) -> Option<Vec<u8>> {
    Some(store.get(&name("tls"))?.data.as_ref()?.get("tls.key")?.0.clone())
}

#[test]
fn content_is_kept_only_while_it_is_wanted() {
    let store = Store::default();
    let (nothing, wanted) = (BTreeSet::new(), BTreeSet::from([name("tls")]));
    store.apply(Event::Apply(secret("one")), Some(&nothing));
    assert_eq!(held(&store), Some(Vec::new()), "the key stays, the value goes");
    assert_eq!(store.want(&wanted).0, wanted);
    assert_eq!(store.fill(secret("one")), Touched::All);
    assert_eq!(held(&store), Some(b"one".to_vec()));
    assert!(store.want(&wanted).0.is_empty());
    store.want(&nothing);
    assert_eq!(held(&store), Some(Vec::new()));
}

#[test]
fn a_fetch_does_not_undo_a_later_event() {
    let store = Store::default();
    let wanted = BTreeSet::from([name("tls")]);
    store.apply(Event::Apply(secret("old")), Some(&BTreeSet::new()));
    store.apply(Event::Apply(secret("new")), Some(&wanted));
    assert_eq!(store.fill(secret("old")), Touched::Nothing);
    assert_eq!(held(&store), Some(b"new".to_vec()));
    store.apply(Event::Delete(secret("new")), Some(&wanted));
    assert_eq!(store.fill(secret("old")), Touched::Nothing);
    assert_eq!(held(&store), None);
}

#[test]
fn a_list_replaces_everything_at_once() {
    let store = Store::default();
    let service = |name: &str| Service { metadata: meta(name), ..Service::default() };
    for event in [Event::Init, Event::InitApply(service("a")), Event::InitApply(service("b"))] {
        assert_eq!(store.apply(event, None), Touched::Nothing);
    }
    assert!(store.get(&name("a")).is_none());
    assert_eq!(store.apply(Event::InitDone, None), Touched::All);
    assert!(store.get(&name("a")).is_some());
    // What is not in the next list is gone, and a list that says the same touches nothing.
    store.apply(Event::Init, None);
    store.apply(Event::InitApply(service("b")), None);
    assert!(store.get(&name("a")).is_some());
    assert_eq!(store.apply(Event::InitDone, None), Touched::All);
    assert!(store.get(&name("a")).is_none());
    store.apply(Event::Init, None);
    store.apply(Event::InitApply(service("b")), None);
    assert_eq!(store.apply(Event::InitDone, None), Touched::Nothing);
}

#[test]
fn slices_touch_their_services_alone() {
    let store = Store::default();
    assert_eq!(store.apply(Event::Apply(slice("web", "10.0.0.1")), None), of_services(&["web"]));
    let mut same = slice("web", "10.0.0.1");
    same.metadata.resource_version = Some("2".into());
    assert_eq!(store.apply(Event::Apply(same), None), Touched::Nothing);
    assert_eq!(store.apply(Event::Apply(slice("web", "10.0.0.2")), None), of_services(&["web"]));
    assert_eq!(store.apply(Event::Apply(slice("api", "10.0.0.2")), None), of_services(&["web", "api"]));
    assert_eq!(store.apply(Event::Delete(slice("api", "10.0.0.2")), None), of_services(&["api"]));
}

#[test]
fn a_status_is_kept_and_touches_nothing() {
    let store = Store::default();
    let mut ingress = Ingress { metadata: meta("web"), ..Ingress::default() };
    assert_eq!(store.apply(Event::Apply(ingress.clone()), None), Touched::All);
    let status = ingress.status.get_or_insert_default().load_balancer.get_or_insert_default();
    status.ingress =
        Some(vec![IngressLoadBalancerIngress { ip: Some("10.0.0.1".into()), ..Default::default() }]);
    assert_eq!(store.apply(Event::Apply(ingress.clone()), None), Touched::Nothing);
    assert!(store.get(&name("web")).unwrap().status.is_some());
    ingress.metadata.annotations = Some([("a".to_owned(), "b".to_owned())].into());
    assert_eq!(store.apply(Event::Apply(ingress), None), Touched::All);
}

#[test]
fn content_that_is_wanted_while_a_list_comes_in_is_fetched_for_the_list_too() {
    let store = Store::default();
    let (nothing, wanted) = (BTreeSet::new(), BTreeSet::from([name("tls")]));
    store.apply(Event::Apply(secret("one")), Some(&nothing));
    store.apply(Event::Init, Some(&nothing));
    store.apply(Event::InitApply(secret("two")), Some(&nothing));
    assert_eq!(store.want(&wanted).0, wanted);
    assert_eq!(store.fill(secret("two")), Touched::All);
    assert!(store.want(&wanted).0.is_empty());
    store.apply(Event::InitDone, Some(&wanted));
    assert_eq!(held(&store), Some(b"two".to_vec()));

    store.apply(Event::Init, Some(&wanted));
    store.apply(Event::InitApply(secret("three")), Some(&wanted));
    store.want(&nothing);
    store.apply(Event::InitDone, Some(&nothing));
    assert_eq!(held(&store), Some(Vec::new()), "nobody wants it any more");
}

#[test]
fn what_is_held_is_not_shown() {
    let store = Store::default();
    store.apply(Event::Apply(secret("marker")), None);
    assert_eq!(format!("{store:?}"), "Store { objects: 1, .. }");
}
