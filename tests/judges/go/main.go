// Judges cases by Go's crypto/x509 and golang.org/x/crypto/ocsp: `judge FOLDER`.
package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ocsp"
)

func main() {
	cases, err := filepath.Glob(filepath.Join(os.Args[1], "*", "leaf.pem"))
	if err != nil || len(cases) == 0 {
		fmt.Println("there are no cases")
		os.Exit(1)
	}
	failed := 0
	for _, leaf := range cases {
		folder := filepath.Dir(leaf)
		if err := judge(folder); err != nil {
			fmt.Printf("%s: %v\n", filepath.Base(folder), err)
			failed++
		}
	}
	fmt.Printf("%d cases, %d failed\n", len(cases), failed)
	if failed > 0 {
		os.Exit(1)
	}
}

func judge(folder string) error {
	leaf, err := certificate(folder, "leaf.pem")
	if err != nil {
		return err
	}
	issuer, err := certificate(folder, "issuer.pem")
	if err != nil {
		return err
	}
	root, err := certificate(folder, "root.pem")
	if err != nil {
		return err
	}
	status, err := os.ReadFile(filepath.Join(folder, "status"))
	if err != nil {
		return err
	}
	revoked := string(status) == "revoked"
	options := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	options.Roots.AddCert(root)
	options.Intermediates.AddCert(issuer)
	if _, err := leaf.Verify(options); err != nil {
		return fmt.Errorf("the path: %w", err)
	}
	for name, signer := range map[string]*x509.Certificate{"issuer.crl": issuer, "root.crl": root} {
		der, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := list.CheckSignatureFrom(signer); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if list.Number == nil || !bytes.Equal(list.AuthorityKeyId, signer.SubjectKeyId) {
			return fmt.Errorf("%s has no number, or another key id than its signer", name)
		}
		if signer == issuer && lists(list, leaf) != revoked {
			return fmt.Errorf("the list says %v, but the leaf is %s", lists(list, leaf), status)
		}
	}
	pss := leaf.SignatureAlgorithm == x509.SHA256WithRSAPSS || leaf.SignatureAlgorithm == x509.SHA384WithRSAPSS
	_, err = os.Stat(filepath.Join(folder, "responder.pem"))
	delegated := err == nil
	if (pss && !delegated) || issuer.PublicKeyAlgorithm == x509.Ed25519 {
		// x/crypto/ocsp knows no answers that are signed with Ed25519 or by RSASSA-PSS. Below a CA that signs so, the key of a
		// delegated responder is of P-256.
		return nil
	}
	der, err := os.ReadFile(filepath.Join(folder, "leaf.ocsp"))
	if err != nil {
		return err
	}
	answer, err := ocsp.ParseResponseForCert(der, leaf, issuer)
	if err != nil {
		return fmt.Errorf("the OCSP answer: %w", err)
	}
	if (answer.Certificate != nil) != delegated {
		return fmt.Errorf("the OCSP answer has a certificate: %v, but is to have one: %v", answer.Certificate != nil, delegated)
	}
	if (answer.Status == ocsp.Revoked) != revoked || answer.Status == ocsp.Unknown {
		return fmt.Errorf("the OCSP answer says %d, but the leaf is %s", answer.Status, status)
	}
	return nil
}

func lists(list *x509.RevocationList, leaf *x509.Certificate) bool {
	for _, entry := range list.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(leaf.SerialNumber) == 0 {
			return true
		}
	}
	return false
}

func certificate(folder, name string) (*x509.Certificate, error) {
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM", name)
	}
	return x509.ParseCertificate(block.Bytes)
}
