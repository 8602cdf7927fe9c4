package sandbox

import (
	"encoding/xml"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/account/types"
)

type describeRegionsAnswer struct {
	XMLName   xml.Name    `xml:"DescribeRegionsResponse"`
	Namespace string      `xml:"xmlns,attr"`
	RequestID string      `xml:"requestId"`
	Regions   []ec2Region `xml:"regionInfo>item"`
}

type ec2Region struct {
	Name     string `xml:"regionName"`
	Endpoint string `xml:"regionEndpoint"`
	OptIn    string `xml:"optInStatus"`
}

// ec2Service answers DescribeRegions, the older way to learn an account's Regions.
func ec2Service(s *Sandbox, w http.ResponseWriter, _ *http.Request, c *call, _ []byte) {
	if c.Operation != "DescribeRegions" {
		c.fail(w, errf("InvalidAction", "The action %s is not valid for this web service.", c.Operation))
		return
	}
	out := describeRegionsAnswer{Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/", RequestID: c.RequestID}
	for _, r := range s.regionStatuses(c.Account) {
		status := "opt-in-not-required"
		switch {
		case r.RegionOptStatus == types.RegionOptStatusDisabled:
			status = "not-opted-in"
		case !slices.Contains(defaultRegions(), *r.RegionName):
			status = "opted-in"
		}
		if status == "not-opted-in" && c.Form.Get("AllRegions") != "true" {
			continue
		}
		out.Regions = append(out.Regions, ec2Region{*r.RegionName, "ec2." + *r.RegionName + ".amazonaws.com", status})
	}
	writeXML(w, out)
}
