//! A stand-in for NVIDIA's `libnvidia-ml.so.1`, for tests on machines without a GPU.
//!
//! A text trace defines its answers: `$FAKE_NVML_TRACE`, else the file next to the library with `.trace` appended to
//! its name. Every copy of the library has its own state, so that tests can run in parallel: see [`StandIn`].
//!
//! ```text
//! driver 580.95.05
//! cuda 13000
//! clock wall|calls|manual                    # calls: a millisecond for each call that names a device
//! gpu 0 name=NVIDIA_GeForce_RTX_4090 uuid=GPU-1 total=25757220864 reserved=506855424 used=12582912
//! gpu 0 power=22000 plimit=450000 temp=38 util=0 smclock=210 maxsmclock=3105 throttle=0 energy=0
//! at 2000 gpu 0 used=21474836480 util=98     # from that millisecond on
//! at 5000 gpu 0 lost=1                       # every call that names it or a slice of it answers GPU_IS_LOST
//! gpu 1 migmode=1                            # in seven slots, those named here hold a slice
//! mig 1 2 name=1g.10gb uuid=MIG-1 total=10737418240 used=0
//! at 500 mig 1 2 used=4096
//! proc 0 1000 9000 4242 21300000000 C        # gpu, from, to, pid, bytes (-1: not available), C or G
//! proc 1.2 0 9000 4243 -1 C                  # on a slice
//! err nvmlDeviceGetMemoryInfo_v2 3 100 200   # answers 3 in [100, 200); `*`: every call that names a device
//! delay nvmlDeviceGetPowerUsage 20000 100    # takes 20000 µs from 100 on; a big one is a hung driver
//! missing nvmlDeviceGetMemoryInfo_v2         # a driver too old to have it: the symbol is taken out of the copy
//! ```
//!
//! Units are the driver's: bytes, milliwatts, millijoules, MHz, percent; `throttle` is the driver's bit set. `energy`
//! sets the counter, which then accumulates `power`. Setting it again restarts the counter, as a reload of the driver
//! does.
//!
//! A missing key answers `NOT_SUPPORTED`. Memory adds up as in drivers: total = used + reserved + free, and the first
//! version of the query reports used + reserved as used. This follows the documentation and bug reports: the stand-in
//! proves how answers are handled, not what a driver answers.
#![cfg(target_os = "linux")]

mod abi;
mod stand_in;
mod state;
mod trace;

pub use stand_in::StandIn;
