//! For walks through JSON that only look at texts.

/// The methods of a `serde::de::Visitor` of `()` for everything that is neither text nor container.
macro_rules! passed_over {
    () => {
        fn visit_bool<E: ::serde::de::Error>(self, _: bool) -> Result<(), E> {
            Ok(())
        }
        fn visit_u64<E: ::serde::de::Error>(self, _: u64) -> Result<(), E> {
            Ok(())
        }
        fn visit_i64<E: ::serde::de::Error>(self, _: i64) -> Result<(), E> {
            Ok(())
        }
        fn visit_f64<E: ::serde::de::Error>(self, _: f64) -> Result<(), E> {
            Ok(())
        }
        fn visit_unit<E: ::serde::de::Error>(self) -> Result<(), E> {
            Ok(())
        }
    };
}

pub(crate) use passed_over;
