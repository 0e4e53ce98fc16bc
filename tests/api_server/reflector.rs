//! kube's reflectors: lists, live changes, and what they go on from after a break.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use harness::api_server::ApiServer;
use harness::within;
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::{ingress, refused};

struct Watcher {
    events: BoxStream<'static, watcher::Result<Event<Ingress>>>,
}

impl Watcher {
    fn start(server: &ApiServer, config: watcher::Config) -> Self {
        Self { events: watcher(Api::all(server.client()), config).boxed() }
    }

    async fn event(&mut self) -> watcher::Result<Event<Ingress>> {
        within("an event", self.events.next()).await.unwrap()
    }

    /// The names of the list that comes next.
    async fn listed(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        assert!(matches!(self.event().await.unwrap(), Event::Init));
        loop {
            match self.event().await.unwrap() {
                Event::InitApply(object) => names.push(object.name_any()),
                Event::InitDone => return names,
                other => panic!("{other}"),
            }
        }
    }

    async fn told(&mut self) -> String {
        self.event().await.unwrap().to_string()
    }
}

#[tokio::test]
async fn a_list_comes_in_pages_and_changes_follow() {
    let server = ApiServer::start().await;
    server.put_all((10..35).map(|number| ingress(&format!("web-{number}"))));
    let mut watcher = Watcher::start(&server, watcher::Config::default().page_size(10));
    assert_eq!(watcher.listed().await, (10..35).map(|number| format!("web-{number}")).collect::<Vec<_>>());
    assert_eq!(server.requests("list", "ingresses"), 3);

    server.put(ingress("web-99"));
    assert_eq!(watcher.told().await, "Apply(web-99)");
    server.delete("ingresses", "web-10");
    assert_eq!(watcher.told().await, "Delete(web-10)");
    assert_eq!(server.watching("ingresses"), 1);
}

#[tokio::test]
async fn a_streaming_list_needs_no_list() {
    let server = ApiServer::start().await;
    server.put_all([ingress("a"), ingress("b")]);
    let mut watcher = Watcher::start(&server, watcher::Config::default().streaming_lists());
    assert_eq!(watcher.listed().await, ["a", "b"]);
    server.put(ingress("c"));
    assert_eq!(watcher.told().await, "Apply(c)");
    assert_eq!(server.requests("list", "*"), 0);
}

#[tokio::test]
async fn all_pages_show_the_same_moment() {
    let server = ApiServer::start().await;
    server.put_all(["a", "b", "c", "d"].map(ingress));
    let api = Api::<Ingress>::all(server.client());
    let first = api.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(2));
    let token = first.metadata.continue_.unwrap();

    server.delete("ingresses", "c");
    server.put(ingress("bb"));
    server.put(ingress("e"));
    let rest = ListParams::default().continue_token(&token);
    let second = api.list(&rest).await.unwrap();
    assert_eq!(second.items.iter().map(|object| object.name_any()).collect::<Vec<_>>(), ["c", "d"]);
    assert_eq!(second.metadata.resource_version, first.metadata.resource_version);

    server.faults().expire_history();
    assert_eq!(refused(api.list(&rest).await).code, 410);
}

#[tokio::test]
async fn expired_history_ends_a_watch_and_the_list_begins_anew() {
    let server = ApiServer::start().await;
    server.put(ingress("a"));
    let mut watcher = Watcher::start(&server, watcher::Config::default());
    assert_eq!(watcher.listed().await, ["a"]);
    // The stream only runs while it is polled; what happens before that is a change while the watcher is away.
    server.put(ingress("b"));
    server.faults().expire_history();
    assert!(matches!(watcher.event().await, Err(watcher::Error::WatchError(status)) if status.code == 410));
    assert_eq!(watcher.listed().await, ["a", "b"]);

    server.put(ingress("c"));
    assert_eq!(watcher.told().await, "Apply(c)");
    server.faults().expire_history();
    assert!(matches!(watcher.event().await, Err(watcher::Error::WatchError(status)) if status.code == 410));
    assert_eq!(watcher.listed().await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_cut_watch_goes_on_where_it_was() {
    let server = ApiServer::start().await;
    let mut watcher = Watcher::start(&server, watcher::Config::default());
    assert!(watcher.listed().await.is_empty());
    server.put(ingress("a"));
    assert_eq!(watcher.told().await, "Apply(a)");
    server.faults().drop_watches();
    server.until("the watch to be cut", |server| server.watching("ingresses") == 0).await;
    server.put(ingress("b"));
    // kube takes the broken body for an end and asks again.
    assert_eq!(watcher.told().await, "Apply(b)");
    assert_eq!(server.requests("list", "ingresses"), 1);
    assert_eq!(server.requests("watch", "ingresses"), 2);
}

#[tokio::test]
async fn a_watch_ends_after_its_time_with_a_bookmark() {
    let server = ApiServer::start().await;
    server.put(ingress("a"));
    let api = Api::<Ingress>::all(server.client());
    let start = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let stream = api.watch(&WatchParams::default().timeout(1), &start).await.unwrap();
    server.put(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "other" } }));
    let events: Vec<_> = within("the end", stream.collect()).await;
    assert!(matches!(events.as_slice(), [Ok(WatchEvent::Bookmark(_))],), "{events:?}");
    server.until("the watch to be forgotten", |server| server.watching("ingresses") == 0).await;
}

#[tokio::test]
async fn a_bookmark_tells_the_version_of_other_kinds_changes() {
    let server = ApiServer::start().await;
    server.put(ingress("a"));
    let api = Api::<Ingress>::all(server.client());
    let start = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let mut stream = api.watch(&WatchParams::default(), &start).await.unwrap().boxed();
    server.put(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "other" } }));
    server.faults().send_bookmarks();
    let Some(Ok(WatchEvent::Bookmark(bookmark))) = within("a bookmark", stream.next()).await else {
        panic!("no bookmark");
    };
    let number = |version: &str| version.parse::<u64>().unwrap();
    assert_eq!(number(&bookmark.metadata.resource_version), number(&start) + 1);
}

#[tokio::test]
async fn twenty_thousand_objects_are_listed_quickly() {
    let server = ApiServer::start().await;
    let name = |number: u32| format!("web-{number:05}");
    let started = tokio::time::Instant::now();
    server.put_all((0..20_000).map(|number| ingress(&name(number))));
    let stored = started.elapsed();
    let mut watcher = Watcher::start(&server, watcher::Config::default());
    assert_eq!(watcher.listed().await.len(), 20_000);
    println!("stored in {stored:?}, listed after {:?}", started.elapsed());
}
