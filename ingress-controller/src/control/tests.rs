use ingress_core::Objects;
use ingress_proxy::channel;

use super::*;
use crate::config::MetricsConfig;
use crate::metrics::Names;
use crate::source::Pace;

/// Never says that something has changed; each load has one Ingress more.
#[derive(Debug, Default)]
struct Silent {
    loads: usize,
    objects: Objects,
}

impl Source for Silent {
    async fn changed(&mut self) -> Pace {
        std::future::pending().await
    }

    fn load(&mut self) -> Loaded {
        self.loads += 1;
        let ingress = |number: usize| {
            let ingress =
                serde_json::json!({"metadata": {"name": format!("web-{number}"), "namespace": "shop"}});
            Arc::new(serde_json::from_value(ingress).unwrap())
        };
        self.objects.ingresses = (0..self.loads).map(ingress).collect();
        Loaded { touched: Touched::Nothing, problems: Vec::new() }
    }

    fn objects(&mut self) -> &mut Objects {
        &mut self.objects
    }
}

#[tokio::test(start_paused = true)]
async fn everything_is_looked_at_again_each_hour() {
    let mut options = Options::default();
    options.watch_ingress_without_class = true;
    let (publisher, _subscriber) = channel(Snapshot::default());
    let (sender, mut published) = watch::channel(Arc::default());
    let metrics = Metrics::new(MetricsConfig::default(), Names::default());
    let mut control = Control::new(Silent::default(), options, publisher, sender, metrics);
    control.begin();
    assert_eq!(published.borrow_and_update().report.ingresses, 1);
    let (_stop, stopped) = watch::channel(());
    let start = Instant::now();
    let task = tokio::spawn(control.run(stopped));
    for hour in 1..4 {
        published.changed().await.unwrap();
        assert_eq!(published.borrow_and_update().report.ingresses, hour + 1, "nothing was compiled");
        assert_eq!(start.elapsed().as_secs() / 3600, hour as u64);
    }
    task.abort();
}

#[test]
fn the_time_is_that_of_the_calendar() {
    assert!(now().is_some_and(|now| now > 1_700_000_000));
}
