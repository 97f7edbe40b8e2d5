//go:build go_smtp_0_12

package main

import "github.com/emersion/go-smtp"

type backend struct{}

func (backend) Login(state *smtp.ConnectionState, username, password string) (smtp.Session, error) {
	return session{}, nil
}

func (backend) AnonymousLogin(state *smtp.ConnectionState) (smtp.Session, error) {
	return session{}, nil
}

func (session) Mail(from string, opts smtp.MailOptions) error { return nil }
func (session) Rcpt(to string) error                          { return nil }
