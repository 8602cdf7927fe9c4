package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
)

// An inventory holds keys as they answered, which is otherwise after every scan.
// What a person reads in a short list does not jump about.

// byWhere orders keys by account, Region and name.
func byWhere(x, y keyrotor.Assessment) int {
	a, b := &x.Asset, &y.Asset
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Name(), b.Name()), cmp.Compare(a.ID, b.ID))
}

// byMaterial orders keys by their material, the oldest first, then as byWhere. What
// is not known to be old comes last.
func byMaterial(x, y keyrotor.Assessment) int {
	since, known := materialSince(x)
	other, otherKnown := materialSince(y)
	switch {
	case known && otherKnown:
		return cmp.Or(since.Compare(other), byWhere(x, y))
	case known:
		return -1
	case otherKnown:
		return 1
	}
	return byWhere(x, y)
}

func materialSince(a keyrotor.Assessment) (time.Time, bool) {
	if a.Asset.KMS == nil {
		return time.Time{}, false
	}
	return a.Asset.KMS.MaterialSince()
}

// orderUnder is the order of the keys under a rule.
func orderUnder(rule string) func(x, y keyrotor.Assessment) int {
	if rule == ruleMaterial {
		return byMaterial
	}
	return byWhere
}

// firsts keeps the first keys of a stream by an order, and no more of them than
// are shown.
type firsts struct {
	order func(x, y keyrotor.Assessment) int
	most  int // 0: all
	list  []keyrotor.Assessment
}

func newFirsts(all bool, most int, order func(x, y keyrotor.Assessment) int) *firsts {
	if all {
		most = 0
	}
	return &firsts{order: order, most: most}
}

func (f *firsts) add(a keyrotor.Assessment) {
	if f.most == 0 {
		f.list = append(f.list, a)
		return
	}
	at, _ := slices.BinarySearchFunc(f.list, a, f.order)
	if at >= f.most {
		return
	}
	f.list = slices.Insert(f.list, at, a)
	f.list = f.list[:min(len(f.list), f.most)]
}

// sorted is the keys in order.
func (f *firsts) sorted() []keyrotor.Assessment {
	if f == nil {
		return nil
	}
	slices.SortStableFunc(f.list, f.order)
	return f.list
}
