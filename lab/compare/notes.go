package compare

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"inventariolab/lab"
)

// notes tell what besides the change under test is not the same in all runs.
func notes(sides []*Side, names, common []string) []string {
	var out []string
	first := sides[0]
	for i, s := range sides {
		if !s.Complete {
			out = append(out, fmt.Sprintf("%s was cut off: its last scenario is not whole", names[i]))
		}
		for _, name := range s.scenarios {
			if !slices.Contains(common, name) {
				out = append(out, fmt.Sprintf("%s has the scenario %s, and not every run has: left out", names[i], name))
			}
		}
		if i == 0 {
			continue
		}
		if s.Info.Started.Equal(first.Info.Started) {
			out = append(out, fmt.Sprintf("%s began in the same moment as %s: is it the same run?", names[i], names[0]))
		}
		differ := func(what, a, b string) {
			if a != b {
				out = append(out, fmt.Sprintf("%s differ: %s %q, %s %q", what, names[0], a, names[i], b))
			}
		}
		am, bm := reflect.ValueOf(first.Info.Machine), reflect.ValueOf(s.Info.Machine)
		for f := range am.NumField() {
			differ("machines: "+am.Type().Field(f).Name, fmt.Sprint(am.Field(f)), fmt.Sprint(bm.Field(f)))
		}
		differ("options", first.Info.Command, s.Info.Command)
		differ("images", first.Stack.Base, s.Stack.Base)
		for _, program := range slices.Sorted(maps.Keys(first.Stack.Versions)) {
			differ("versions of "+program, first.Stack.Versions[program], s.Stack.Versions[program])
		}
		if !reflect.DeepEqual(first.Stack.Expected, s.Stack.Expected) {
			out = append(out, fmt.Sprintf("topologies differ: not the same was expected of %s's stack and of %s's", names[0], names[i]))
		}
		for _, name := range common {
			a, b := first.verdicts[name], s.verdicts[name]
			differ("verdicts of "+name, string(a), string(b))
			if b != lab.Pass && a == b {
				out = append(out, fmt.Sprintf("%s is %s in %s and %s: its numbers may not mean what they seem", name, b, names[0], names[i]))
			}
		}
	}
	return out
}
