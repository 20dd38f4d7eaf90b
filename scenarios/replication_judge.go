package scenarios

import (
	"fmt"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

// checkReceived is the claim that is judged in two places.
const checkReceived = "every replica receives every row"

func judgeReplication(seen *lab.ScenarioRun, t *lab.Topology) (j lab.Judgement, err error) {
	plan, err := lab.ReadFact[replicationPlan](seen, factPlan)
	if err != nil {
		return j, err
	}
	before, err := lab.ReadFact[[]check.Replica](seen, factBefore)
	if err != nil {
		return j, err
	}
	j.Check(check.Threads("replication runs before", before), check.ReadOnly("replicas refuse writes", before))
	if !replicates(before) {
		j.Check(check.NoErrant("no errant transactions", before))
		return j, nil
	}
	arrived, err := lab.ReadFact[map[string]bool](seen, factArrived)
	if err != nil {
		return j, err
	}
	if missing(arrived) {
		var received []check.Received
		for _, name := range t.Database.Replicas {
			received = append(received, check.Received{Replica: name, Behind: !arrived[name]})
		}
		j.Check(check.ReceivedAll(checkReceived, 0, received, plan.CatchUp))
		return j, nil
	}
	if err := judgeSync(&j, seen, plan, t.Database.Replicas); err != nil {
		return j, err
	}
	return j, judgeLag(&j, seen, plan, t.Database.Replicas)
}

// judgeSync judges what arrived, and in which order.
func judgeSync(j *lab.Judgement, seen *lab.ScenarioRun, plan replicationPlan, replicas []string) error {
	acked, err := lab.ReadFact[[]int](seen, factAcked)
	if err != nil {
		return err
	}
	received, err := lab.ReadFact[[]check.Received](seen, factReceived)
	if err != nil {
		return err
	}
	looks, err := lab.ReadFact[[]check.OrderLook](seen, factLooks)
	if err != nil {
		return err
	}
	after, err := lab.ReadFact[[]check.Replica](seen, factAfter)
	if err != nil {
		return err
	}
	rows := sum(acked)
	j.Check(
		check.ReceivedAll(checkReceived, rows, received, plan.CatchUp),
		check.InOrder("rows arrive in order", looks, rows, replicas, plan.LeastLooks),
	)
	// There is none when somebody had not caught up: comparing would prove nothing.
	if c, err := lab.ReadFact[contentFact](seen, factContent); err == nil {
		j.Check(check.SameContent("the content is equal after catch-up", c.Source, c.Replicas, c.Settled))
	}
	j.Check(check.Threads("replication runs after", after), check.NoErrant("no errant transactions", after))
	j.Metric("rows", float64(rows))
	return nil
}

// judgeLag compares the three ways to measure lag.
func judgeLag(j *lab.Judgement, seen *lab.ScenarioRun, plan replicationPlan, replicas []string) error {
	unseen, err := lab.ReadFact[map[string]int](seen, factUnseen)
	if err != nil {
		return err
	}
	acked, err := lab.ReadFact[[]int](seen, factAcked)
	if err != nil {
		return err
	}
	var idle, busy check.LagPhase
	idle.Name, busy.Name = markIdle, markBusy
	if idle.From, busy.From, err = span(seen, markIdle, markBusy); err != nil {
		return err
	}
	if busy.To, err = mark(seen, markEnd); err != nil {
		return err
	}
	idle.To = busy.From
	idle.Written = len(check.AllLags(seen.Samples, check.CommitTime, idle))
	busy.Written = len(check.AllLags(seen.Samples, check.CommitTime, busy)) + sum(acked)
	phases := []check.LagPhase{idle, busy}

	j.Check(check.LagMeasured("lag is measured on rows", seen.Samples, phases, unseen, replicas))
	rows := check.AllLags(seen.Samples, check.LagRows, busy)
	j.Metric("lag_p50_ms", check.Quantile(rows, 0.50))
	j.Metric("lag_p99_ms", check.Quantile(rows, 0.99))
	j.Metric("lag_max_ms", check.Quantile(rows, 1))
	j.Metric("idle_lag_p99_ms", check.Quantile(check.AllLags(seen.Samples, check.LagRows, idle), 0.99))
	j.Metric("applier_p99_ms", check.Quantile(check.AllLags(seen.Samples, check.LagApplier, busy), 0.99))
	whole := check.LagPhase{From: idle.From, To: busy.To}
	j.Metric("sbs_max_s", check.Quantile(check.AllLags(seen.Samples, check.LagSeconds, whole), 1))
	table := check.LagTable(seen.Samples, phases, replicas)
	table.Note += fmt.Sprintf(" Of the %d rows a second that were to be written in the busy phase, %.0f were.", plan.Rate, float64(sum(acked))/(busy.To-busy.From).Seconds())
	j.Table(table)
	return nil
}
