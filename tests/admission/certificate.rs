//! The certificate is renewed while the API server goes on asking.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use harness::within;

use crate::objects::ingress;
use crate::world::World;

#[tokio::test]
async fn a_renewed_certificate_is_taken_and_no_call_fails() {
    let world = World::start([]).await;
    let (done, created) = (AtomicBool::new(false), AtomicUsize::new(0));
    let create = async {
        let mut number = 0;
        while !done.load(Ordering::Relaxed) {
            number += 1;
            let name = format!("shop/i-{number}");
            let host = format!("h{number}.test/");
            world.create(&ingress(&name, &[&host])).await.expect("an ingress that is accepted");
            created.store(number, Ordering::Relaxed);
        }
    };
    let renew = async {
        for _ in 0..2 {
            let renewed = world.files.renew();
            let shown = within("the new certificate to be shown", async {
                loop {
                    let stream = world.files.connect(world.webhook()).await.expect("a connection");
                    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
                    if certificates.first() == Some(&renewed) {
                        return created.load(Ordering::Relaxed);
                    }
                }
            })
            .await;
            within("calls with the new certificate", async {
                while created.load(Ordering::Relaxed) < shown + 2 {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(create, renew);
}
