//go:build go_smtp_0_12

package main

import "github.com/emersion/go-smtp"

func rcpt(client *smtp.Client, recipient string) error { return client.Rcpt(recipient) }
