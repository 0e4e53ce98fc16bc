//! What holds at any API server. Each scenario has a [`World`](harness::world::World) to itself.

pub(crate) mod churn;
pub(crate) mod classes;
pub(crate) mod config_map;
pub(crate) mod events;
pub(crate) mod namespaces;
pub(crate) mod objects;
pub(crate) mod permissions;
pub(crate) mod replicas;
pub(crate) mod status;

/// Hands the list of all scenarios to a macro.
macro_rules! every {
    ($run:ident) => {
        $run! {
            objects:
                an_ingress_comes_changes_and_goes
                a_service_and_its_endpoints_come_change_and_go
                a_secret_is_missed_until_it_is_there;
            classes:
                a_class_may_come_later_and_go
                an_ingress_that_changes_its_class_is_let_go;
            namespaces:
                labels_of_a_namespace_decide
                only_one_namespace_is_served_and_the_default_backend_may_be_elsewhere;
            config_map:
                settings_are_live
                wrong_and_unknown_values_are_named;
            churn:
                endpoints_that_change_fifty_times_a_second_lose_no_request;
            status:
                addresses_stand_in_the_status_of_our_ingresses_at_once
                what_somebody_writes_over_the_status_is_written_over
                the_last_one_empties_the_status_and_no_other;
            permissions:
                the_roles_of_the_manifests_are_enough;
            replicas:
                one_leads_and_hands_over_when_it_stops
                one_that_dies_is_followed_within_the_time_to_live;
            events:
                what_is_wrong_is_an_event_on_the_ingress
                what_comes_back_is_counted;
        }
    };
}
pub(crate) use every;
