// Package load puts a stack under load and returns what its clients saw. It is
// the only importer of load libraries.
//
// Start is a closed loop: every client sends, waits for the answer and sends
// again, so a slow stack is asked less. Open is an open loop, by vegeta's
// library: requests are sent when they are due, whatever became of the earlier
// ones. Hey runs rakyll/hey's requester, the equivalent of `ab -n N -c C`. All
// go to 127.0.0.1 only, end by themselves and hide no failure.
//
// A Profile says what the virtual users do: Home, Inventory, Mixed. Both loops
// take them.
//
//	mixed := load.NewMixed(load.Site{Base: url, Topology: topology})
//	users, err := load.MakeUsers(ctx, mixed, 50)
//	running, err := load.Open(ctx, load.OpenOptions{Name: "mixed", Users: users, Rate: 200})
//	samples := running.Wait()
//	kept, why := running.Schedule().Kept()
//	deleted, err := mixed.CleanUp(ctx)
package load
