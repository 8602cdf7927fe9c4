package sandbox

// services is the table of what is served, by IAM service prefix. STS, EC2,
// Account, Organizations and tagging are entered by worldServices.
func services() map[string]service {
	m := map[string]service{"kms": jsonService(kmsOperations())}
	for name, s := range worldServices() {
		m[name] = s
	}
	return m
}
