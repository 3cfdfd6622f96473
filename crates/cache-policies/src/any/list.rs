//! The list of all policies, which everything that must know them all is made from.

/// Hands the policies to a macro: the documentation, the name of the type, that of its configuration.
macro_rules! for_each_policy {
    ($then:ident) => {
        $then! {
            /// First in, first out.
            Fifo FifoConfig,
            /// Least recently used.
            Lru LruConfig,
            /// CLOCK.
            Clock ClockConfig,
            /// Segmented LRU.
            Slru SlruConfig,
            /// Least frequently used.
            Lfu LfuConfig,
            /// LFU with dynamic ageing.
            Lfuda LfudaConfig,
            /// 2Q.
            TwoQ TwoQConfig,
            /// ARC.
            Arc ArcConfig,
            /// LIRS.
            Lirs LirsConfig,
            /// CLOCK-Pro.
            ClockPro ClockProConfig,
            /// SIEVE.
            Sieve SieveConfig,
            /// S3-FIFO.
            S3Fifo S3FifoConfig,
            /// W-TinyLFU.
            WTinyLfu WTinyLfuConfig,
            /// W-TinyLFU that finds the size of its window itself.
            WTinyLfuAdaptive WTinyLfuAdaptiveConfig,
            /// duel.
            Duel DuelConfig,
            /// Greedy-Dual-Size with frequency.
            Gdsf GdsfConfig,
            /// Hyperbolic caching.
            Hyperbolic HyperbolicConfig,
            /// LHD.
            Lhd LhdConfig,
            /// LeCaR.
            LeCaR LeCaRConfig,
            /// Random.
            Random RandomConfig,
            /// Belady's MIN.
            Belady BeladyConfig,
            /// Belady's rule with sizes.
            BeladySize BeladySizeConfig,
        }
    };
}
