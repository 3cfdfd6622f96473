//! The list of all policies, which everything that must know them all is made from.

/// Hands the policies to a macro: the documentation, whether a hit needs no exclusive access (`shared`) or does
/// (`exclusive`), the name of the type, that of its configuration.
macro_rules! for_each_policy {
    ($then:ident) => {
        $then! {
            /// First in, first out.
            shared Fifo FifoConfig,
            /// Least recently used.
            exclusive Lru LruConfig,
            /// CLOCK.
            shared Clock ClockConfig,
            /// Segmented LRU.
            exclusive Slru SlruConfig,
            /// Least frequently used.
            exclusive Lfu LfuConfig,
            /// LFU with dynamic ageing.
            exclusive Lfuda LfudaConfig,
            /// 2Q.
            exclusive TwoQ TwoQConfig,
            /// ARC.
            exclusive Arc ArcConfig,
            /// LIRS.
            exclusive Lirs LirsConfig,
            /// CLOCK-Pro.
            shared ClockPro ClockProConfig,
            /// SIEVE.
            shared Sieve SieveConfig,
            /// S3-FIFO.
            shared S3Fifo S3FifoConfig,
            /// W-TinyLFU.
            exclusive WTinyLfu WTinyLfuConfig,
            /// W-TinyLFU that finds the size of its window itself.
            exclusive WTinyLfuAdaptive WTinyLfuAdaptiveConfig,
            /// Greedy-Dual-Size with frequency.
            exclusive Gdsf GdsfConfig,
            /// Hyperbolic caching.
            exclusive Hyperbolic HyperbolicConfig,
            /// LHD.
            exclusive Lhd LhdConfig,
            /// LeCaR.
            exclusive LeCaR LeCaRConfig,
            /// Random.
            shared Random RandomConfig,
            /// Belady's MIN.
            exclusive Belady BeladyConfig,
            /// Belady's rule with sizes.
            exclusive BeladySize BeladySizeConfig,
        }
    };
}
