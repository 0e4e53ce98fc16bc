//! The port comes and goes with the settings.

use super::support::{World, until, within};

#[tokio::test]
async fn http3_is_turned_on_and_off_while_the_server_runs() {
    let world = World::new().await;
    let client = world.client().await;
    client.get("/").await.unwrap();
    world.speak_http3(false);
    within("the connection to end", client.connection.closed()).await;
    until("the port to close", || world.running.http3_addresses().is_empty()).await;
    assert_eq!(world.running.tls_addresses().len(), 1);
    world.speak_http3(true);
    world.client().await.get("/").await.unwrap();
}
