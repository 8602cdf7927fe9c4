package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/keyrotor/keyrotor"
)

// Decode reads the file of a plan. A *keyrotor.Refusal means that the plan was
// altered after its digest was taken, or holds what two readers could read
// differently; other errors, that it is no plan of this version. Plans that are
// known, such as the one this was chosen from or the one that was signed, help
// to name what was altered.
func Decode(name string, data []byte, known ...keyrotor.Plan) (keyrotor.Plan, error) {
	var head struct {
		Schema  string `json:"schema"`
		Version int    `json:"version"`
	}
	if json.Unmarshal(data, &head) == nil { // for a better message; what counts is read strictly
		if err := wrongSchema(name, head.Schema, head.Version); err != nil {
			return keyrotor.Plan{}, err
		}
	}
	var p keyrotor.Plan
	if err := readStrictly(data, &p); err != nil {
		return keyrotor.Plan{}, unread(name, data, err)
	}
	if err := wrongSchema(name, p.Schema, p.Version); err != nil {
		return keyrotor.Plan{}, err
	}
	d, err := Digest(p)
	if err != nil {
		return keyrotor.Plan{}, fmt.Errorf("%s: %w", name, err)
	}
	if d != p.Digest {
		return keyrotor.Plan{}, &keyrotor.Refusal{
			What: name + ": the plan was changed after its digest was taken",
			Why:  append([]string{"says " + clip(string(p.Digest)), "is   " + string(d)}, altered(p, known)...),
			Now:  "nothing was changed in AWS", Next: "keyrotor plan   makes another, to be signed anew; or take this one as it was made",
		}
	}
	if err := whole(p); err != nil {
		return keyrotor.Plan{}, refuse(name+": the plan contradicts itself", []string{err.Error()}, "keyrotor plan")
	}
	return p, nil
}

func wrongSchema(name, schema string, version int) error {
	if schema == keyrotor.SchemaPlan && version == keyrotor.SchemaVersion {
		return nil
	}
	return &keyrotor.Problem{
		Err: fmt.Errorf("%s: is %q version %d, wanted is %q version %d", name, clip(schema), version, keyrotor.SchemaPlan, keyrotor.SchemaVersion),
		Now: "nothing was changed in AWS", Next: "keyrotor plan   makes one of this version",
	}
}

// unread says where and why a file could not be read.
func unread(name string, data []byte, err error) error {
	var (
		no     *rejected
		syntax *json.SyntaxError
	)
	switch {
	case errors.As(err, &no):
		return refuse(fmt.Sprintf("%s:%s: %s", name, position(data, no.offset), no), nil, "keyrotor plan   makes another; or take this one as keyrotor wrote it")
	case errors.As(err, &syntax):
		err = fmt.Errorf("%s:%s: %w", name, position(data, syntax.Offset), err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%s:%s: the file ends in the middle of the plan", name, position(data, int64(len(data))))
	default:
		err = fmt.Errorf("%s: %w", name, err)
	}
	return &keyrotor.Problem{Err: err, Now: "nothing was changed in AWS", Next: "keyrotor plan -o OTHER.json   makes another; or take this one as keyrotor wrote it"}
}

// position is line:column, both from 1.
func position(data []byte, offset int64) string {
	before := data[:min(max(0, int(offset)), len(data))]
	line := bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n') - 1
	return fmt.Sprintf("%d:%d", line+1, max(1, column))
}

// altered names what differs from a known plan, else the changes whose ids no
// longer fit what they do.
func altered(p keyrotor.Plan, known []keyrotor.Plan) []string {
	const most = 10
	var lines []string
	for _, k := range known {
		switch k.Digest {
		case p.Digest:
			lines = Diff(k, p)
		case p.From:
			lines = changed(k, p, "is not in the plan that it was chosen from")
		}
		if len(lines) > 0 {
			break
		}
	}
	if len(lines) == 0 {
		for i, c := range p.Changes {
			if len(c.ID) == 16 && changeID(p.Run, c) != c.ID {
				lines = append(lines, fmt.Sprintf("%s: its steps are not those that it was made with", label(i, c)))
			}
		}
	}
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("and %d more", len(lines)-most))
	}
	return lines
}

// whole checks what the rest of the program relies on: every change has an id
// of its own and stands in exactly one wave, and steps count from 1.
func whole(p keyrotor.Plan) error {
	if err := unique(p.Changes); err != nil {
		return err
	}
	open := map[keyrotor.ChangeID]bool{}
	for i, c := range p.Changes {
		open[c.ID] = true
		if len(c.Steps) == 0 {
			return fmt.Errorf("%s has no steps", label(i, c))
		}
		for n, s := range c.Steps {
			if s.Number != n+1 {
				return fmt.Errorf("%s: step %d has the number %d", label(i, c), n+1, s.Number)
			}
		}
	}
	for i, w := range p.Waves {
		if w.Number != i+1 {
			return fmt.Errorf("wave %d has the number %d", i+1, w.Number)
		}
		for _, id := range w.Changes {
			if !open[id] {
				return fmt.Errorf("wave %d holds %q, which is no change of this plan or stands in an earlier wave", w.Number, clip(string(id)))
			}
			delete(open, id)
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("change %q stands in no wave", clip(string(sortedKeys(open)[0])))
	}
	return nil
}

func unique(changes []keyrotor.Change) error {
	had := map[keyrotor.ChangeID]bool{}
	for i, c := range changes {
		if c.ID == "" || had[c.ID] {
			return fmt.Errorf("%s: its id %q is empty or another change's", label(i, c), clip(string(c.ID)))
		}
		had[c.ID] = true
	}
	return nil
}
