package sandbox

import "fmt"

// apiError is an error as AWS answers it.
type apiError struct {
	Code    string
	Message string
	Status  int // HTTP status; 0 is 400
	// Reason is the word that InvalidInputException of Organizations carries beside.
	Reason string
	// cut closes the connection instead of answering.
	cut bool
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

// errf returns an AWS error with status 400.
func errf(code, format string, args ...any) *apiError {
	return &apiError{Code: code, Message: fmt.Sprintf(format, args...), Status: 400}
}
