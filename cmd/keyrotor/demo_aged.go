package main

import "github.com/keyrotor/keyrotor/internal/report"

// agedKeys are the keys of the lap that are on and hold old material, before and
// after what the run did so far.
func (l *lap) agedKeys() (report.Aged, error) {
	j, err := l.judge(l.run)
	if err != nil {
		return report.Aged{}, err
	}
	v, err := l.view(l.run, j)
	if err != nil {
		return report.Aged{}, err
	}
	return report.EnabledNotRotated(v)
}

// sayAged says what switching on has not done.
func (l *lap) sayAged() error {
	aged, err := l.agedKeys()
	if err != nil {
		return err
	}
	for _, part := range report.Fold(aged.Words(l.now().UTC()), 90) {
		l.line("", "%s", part)
	}
	return nil
}
