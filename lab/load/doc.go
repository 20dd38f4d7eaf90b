// Package load puts a stack under load and returns what its clients saw. It is
// the only importer of load libraries.
//
// Start is the lab's own generator, a closed loop: every client sends, waits
// for the answer and sends again, so a slow stack is asked less. Hey runs
// rakyll/hey's requester, the equivalent of `ab -n N -c C`. Both go to
// 127.0.0.1 only, end by themselves and hide no failure.
package load
