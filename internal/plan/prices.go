package plan

import (
	"fmt"

	"github.com/keyrotor/keyrotor"
)

// price is what KMS bills, in US cents per month. Sources: KMS developer guide
// "Rotate AWS KMS keys" (the first and the second rotation of a key are billed,
// later ones are not; every replica is a key), AWS KMS pricing.
type price struct {
	asOf     string
	key      int // a customer managed key
	rotation int // each of the first billed rotations, from then on
	billed   int // rotations of a key that are billed at all
}

func kmsPrice() price {
	return price{asOf: "2026-11-21", key: 100, rotation: 100, billed: 2}
}

// cost forecasts what the changes add to the monthly bill. A key whose history
// was not read counts as never rotated, which is the most it can cost.
func cost(changes []keyrotor.Change) keyrotor.Cost {
	prices := kmsPrice()
	keys := map[place]*keyCost{}
	var order []*keyCost
	for _, c := range changes {
		p := placeOf(c.Target)
		k := keys[p]
		if k == nil {
			k = &keyCost{billable: prices.billed, copies: 1 + c.Seen.Replicas}
			if c.Seen.Rotations != nil {
				k.billable = max(0, prices.billed-*c.Seen.Rotations)
			} else if c.Target.ID != "" {
				k.guessed = true
			}
			keys[p] = k
			order = append(order, k)
		}
		k.count(c)
	}
	total := keyrotor.Cost{PricesAsOf: prices.asOf}
	guessed := 0
	for _, k := range order {
		k.bill(&total, prices)
		if k.guessed {
			guessed++
		}
	}
	total.Note = "the first and the second rotation of a key are billed, later ones not; replicas each"
	if guessed > 0 {
		total.Note += fmt.Sprintf("; %s of unknown history counted as never rotated", count(guessed, "key"))
	}
	return total
}

// keyCost is what the changes of one key cost.
type keyCost struct {
	billable int // rotations that will still be billed
	copies   int // the key and its replicas
	made     bool
	now      int // rotations at once
	enabled  bool
	guessed  bool
}

func (k *keyCost) count(c keyrotor.Change) {
	for _, s := range c.Steps {
		switch s.Verb {
		case keyrotor.CreateKey:
			k.made = true
		case keyrotor.RotateNow:
			k.now++
		case keyrotor.EnableRotation:
			k.enabled = true
		}
	}
}

func (k *keyCost) bill(total *keyrotor.Cost, p price) {
	if k.made {
		total.Now += p.key * k.copies
	}
	rotation := p.rotation * k.copies
	now := min(k.now, k.billable)
	total.Now += now * rotation
	left := k.billable - now
	if !k.enabled {
		return
	}
	if left >= 1 {
		total.FirstMonthly += rotation
	}
	if left >= 2 {
		total.SecondMonthly += rotation
	}
}
