//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Two sessions: with a server in the manner of Hotmail and with one in the manner of Exchange. What the client sends, what the server
// answers. Lines end with CRLF on the wire.

#ifndef POSTHORN_TESTS_SUPPORT_EXAMPLE_SESSION_HPP
#define POSTHORN_TESTS_SUPPORT_EXAMPLE_SESSION_HPP

namespace support {

struct example_exchange
{
    char const* request;
    char const* response;
};

/// The user is alice@example.com, the password "open sesame".
inline constexpr example_exchange example_session[] = {
    {R"_(PROPFIND /svcs/hotmail/httpmail.asp HTTP/1.1
Host: services.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Accept: */*
Depth: 0
Content-Type: text/xml
Content-Length: 359

<?xml version="1.0"?>
<D:propfind xmlns:D="DAV:" xmlns:h="http://schemas.microsoft.com/hotmail/" xmlns:hm="urn:schemas:httpmail:">
	<D:prop>
		<h:adbar/>
		<hm:contacts/>
		<hm:inbox/>
		<hm:outbox/>
		<hm:sendmsg/>
		<hm:sentitems/>
		<hm:deleteditems/>
		<hm:drafts/>
		<hm:msgfolderroot/>
		<h:maxpoll/>
		<h:sig/>
	</D:prop>
</D:propfind>
)_",
     R"_(HTTP/1.1 302 Object moved
Server: Microsoft-IIS/5.0
Location: http://bay15.oe.example.com/cgi-bin/hmdata?
Set-Cookie: MSPAuth=9aX2; domain=.oe.example.com; path=/
Content-Type: text/html
Content-Length: 0

)_"},
    {R"_(PROPFIND /cgi-bin/hmdata? HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Accept: */*
Depth: 0
Content-Type: text/xml
Cookie: MSPAuth=9aX2
Content-Length: 359

<?xml version="1.0"?>
<D:propfind xmlns:D="DAV:" xmlns:h="http://schemas.microsoft.com/hotmail/" xmlns:hm="urn:schemas:httpmail:">
	<D:prop>
		<h:adbar/>
		<hm:contacts/>
		<hm:inbox/>
		<hm:outbox/>
		<hm:sendmsg/>
		<hm:sentitems/>
		<hm:deleteditems/>
		<hm:drafts/>
		<hm:msgfolderroot/>
		<h:maxpoll/>
		<h:sig/>
	</D:prop>
</D:propfind>
)_",
     R"_(HTTP/1.1 401 Authorization Required
Server: Microsoft-IIS/5.0
WWW-Authenticate: Digest realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", qop="auth"
X-Dav-Error: 401 Wrong email address
Connection: close
Content-Type: text/html
Content-Length: 0

)_"},
    {R"_(PROPFIND /cgi-bin/hmdata? HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Accept: */*
Depth: 0
Content-Type: text/xml
Cookie: MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata?", algorithm=MD5, qop=auth, nc=00000001, cnonce="0a4f113b7c9d2e61", response="269c81d03450e8b9b6a8bbf1b3cbc654"
Content-Length: 359

<?xml version="1.0"?>
<D:propfind xmlns:D="DAV:" xmlns:h="http://schemas.microsoft.com/hotmail/" xmlns:hm="urn:schemas:httpmail:">
	<D:prop>
		<h:adbar/>
		<hm:contacts/>
		<hm:inbox/>
		<hm:outbox/>
		<hm:sendmsg/>
		<hm:sentitems/>
		<hm:deleteditems/>
		<hm:drafts/>
		<hm:msgfolderroot/>
		<h:maxpoll/>
		<h:sig/>
	</D:prop>
</D:propfind>
)_",
     R"_(HTTP/1.1 207 Multi-Status
Server: Microsoft-IIS/5.0
Content-Type: text/xml
X-Dav-Error: 200 No error
Set-Cookie: HMSC=41c7; domain=.oe.example.com; path=/cgi-bin/hmdata/
X-Timestamp: folders=1086862002, ACTIVE=1086862331
Content-Length: 1391

<?xml version="1.0" encoding="Windows-1252"?>
<D:multistatus xmlns:D="DAV:" xmlns:m="urn:schemas:mailheader:" xmlns:hm="urn:schemas:httpmail:" xmlns:c="urn:schemas:contacts:" xmlns:h="http://schemas.microsoft.com/hotmail/">
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata</D:href>
		<D:propstat>
			<D:prop>
				<h:adbar>AdPane=Off*</h:adbar>
				<hm:contacts>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/abdata/</hm:contacts>
				<hm:inbox>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/</hm:inbox>
				<hm:sendmsg>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/sendmsg</hm:sendmsg>
				<hm:sentitems>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/sAVeD/</hm:sentitems>
				<hm:deleteditems>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/trAsH/</hm:deleteditems>
				<hm:drafts>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/drAfT/</hm:drafts>
				<hm:msgfolderroot>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/</hm:msgfolderroot>
				<h:maxpoll>30</h:maxpoll>
				<h:sig/>
			</D:prop>
			<D:status>HTTP/1.1 200 OK</D:status>
		</D:propstat>
		<D:propstat>
			<D:prop>
				<hm:outbox/>
			</D:prop>
			<D:status>HTTP/1.1 404 Not Found</D:status>
		</D:propstat>
	</D:response>
</D:multistatus>
)_"},
    {R"_(PROPFIND /cgi-bin/hmdata/alice@example.com/folders/ HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Accept: */*
Depth: 1,noroot
Content-Type: text/xml
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/folders/", algorithm=MD5, qop=auth, nc=00000002, cnonce="0a4f113b7c9d2e61", response="b448ff83304c107a5b40ed034691be7f"
Content-Length: 250

<?xml version="1.0"?>
<D:propfind xmlns:D="DAV:" xmlns:hm="urn:schemas:httpmail:">
	<D:prop>
		<D:isfolder/>
		<D:displayname/>
		<hm:special/>
		<D:hassubs/>
		<D:nosubs/>
		<hm:unreadcount/>
		<D:visiblecount/>
	</D:prop>
</D:propfind>
)_",
     R"_(HTTP/1.1 207 Multi-Status
Server: Microsoft-IIS/5.0
Content-Type: text/xml
X-Dav-Error: 200 No error
Content-Length: 2438

<?xml version="1.0" encoding="Windows-1252"?>
<D:multistatus xmlns:D="DAV:" xmlns:m="urn:schemas:mailheader:" xmlns:hm="urn:schemas:httpmail:" xmlns:c="urn:schemas:contacts:" xmlns:h="http://schemas.microsoft.com/hotmail/">
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/</D:href>
		<D:propstat>
			<D:prop>
				<D:isfolder>1</D:isfolder>
				<hm:special>inbox</hm:special>
				<D:hassubs>0</D:hassubs>
				<D:nosubs>1</D:nosubs>
				<hm:unreadcount>1</hm:unreadcount>
				<D:visiblecount>2</D:visiblecount>
			</D:prop>
			<D:status>HTTP/1.1 200 OK</D:status>
		</D:propstat>
	</D:response>
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/sAVeD/</D:href>
		<D:propstat>
			<D:prop>
				<D:isfolder>1</D:isfolder>
				<hm:special>sentitems</hm:special>
				<D:hassubs>0</D:hassubs>
				<D:nosubs>1</D:nosubs>
				<hm:unreadcount>0</hm:unreadcount>
				<D:visiblecount>5</D:visiblecount>
			</D:prop>
			<D:status>HTTP/1.1 200 OK</D:status>
		</D:propstat>
	</D:response>
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/trAsH/</D:href>
		<D:propstat>
			<D:prop>
				<D:isfolder>1</D:isfolder>
				<hm:special>deleteditems</hm:special>
				<D:hassubs>0</D:hassubs>
				<D:nosubs>1</D:nosubs>
				<hm:unreadcount>0</hm:unreadcount>
				<D:visiblecount>0</D:visiblecount>
			</D:prop>
			<D:status>HTTP/1.1 200 OK</D:status>
		</D:propstat>
	</D:response>
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/drAfT/</D:href>
		<D:propstat>
			<D:prop>
				<D:isfolder>1</D:isfolder>
				<hm:special>drafts</hm:special>
				<D:hassubs>0</D:hassubs>
				<D:nosubs>1</D:nosubs>
				<hm:unreadcount>0</hm:unreadcount>
				<D:visiblecount>0</D:visiblecount>
			</D:prop>
			<D:status>HTTP/1.1 200 OK</D:status>
		</D:propstat>
	</D:response>
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/caf%E9/</D:href>
		<D:propstat>
			<D:prop>
				<D:isfolder>1</D:isfolder>
				<D:displayname>caf&#233;</D:displayname>
				<D:hassubs>0</D:hassubs>
				<D:nosubs>1</D:nosubs>
				<hm:unreadcount>0</hm:unreadcount>
				<D:visiblecount>3</D:visiblecount>
			</D:prop>
			<D:status>HTTP/1.1 200 OK</D:status>
		</D:propstat>
	</D:response>
</D:multistatus>
)_"},
    {R"_(PROPFIND /cgi-bin/hmdata/alice@example.com/folders/ACTIVE/ HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Accept: */*
Depth: 1,noroot
Content-Type: text/xml
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/", algorithm=MD5, qop=auth, nc=00000003, cnonce="0a4f113b7c9d2e61", response="849d074fb659bfc6c89eb442cc81e18d"
Content-Length: 288

<?xml version="1.0"?>
<D:propfind xmlns:D="DAV:" xmlns:hm="urn:schemas:httpmail:" xmlns:m="urn:schemas:mailheader:">
	<D:prop>
		<D:isfolder/>
		<hm:read/>
		<m:hasattachment/>
		<m:to/>
		<m:from/>
		<m:subject/>
		<m:date/>
		<D:getcontentlength/>
	</D:prop>
</D:propfind>
)_",
     R"_(HTTP/1.1 207 Multi-Status
Server: Microsoft-IIS/5.0
Content-Type: text/xml
X-Dav-Error: 200 No error
X-Timestamp: folders=1086862002, ACTIVE=1086862331
Content-Length: 1396

<?xml version="1.0" encoding="Windows-1252"?>
<D:multistatus xmlns:D="DAV:" xmlns:m="urn:schemas:mailheader:" xmlns:hm="urn:schemas:httpmail:" xmlns:c="urn:schemas:contacts:" xmlns:h="http://schemas.microsoft.com/hotmail/">
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/MSG1086862331.2</D:href>
		<D:propstat>
			<D:prop>
				<D:isfolder>0</D:isfolder>
				<hm:read>0</hm:read>
				<m:hasattachment>0</m:hasattachment>
				<m:to>alice@example.com</m:to>
				<m:from>Bob Example</m:from>
				<h:fromaddr>bob@example.net</h:fromaddr>
				<m:subject>Lunch &amp; more</m:subject>
				<m:date>2004-06-10T10:12:09</m:date>
				<D:getcontentlength>371</D:getcontentlength>
			</D:prop>
			<D:status>HTTP/1.1 200 OK</D:status>
		</D:propstat>
	</D:response>
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/MSG1086861000.1</D:href>
		<D:propstat>
			<D:prop>
				<D:isfolder>0</D:isfolder>
				<hm:read>1</hm:read>
				<m:hasattachment>1</m:hasattachment>
				<m:to>alice@example.com</m:to>
				<m:from>List &lt;list@example.org&gt;</m:from>
				<m:subject></m:subject>
				<m:date>2004-06-10T09:50:00</m:date>
				<D:getcontentlength>20480</D:getcontentlength>
			</D:prop>
			<D:status>HTTP/1.1 200 OK</D:status>
		</D:propstat>
	</D:response>
</D:multistatus>
)_"},
    {R"_(GET /cgi-bin/hmdata/alice@example.com/folders/ACTIVE/MSG1086862331.2 HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Accept: message/rfc822, */*
Translate: f
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/MSG1086862331.2", algorithm=MD5, qop=auth, nc=00000004, cnonce="0a4f113b7c9d2e61", response="5526f78adbe1a2a794cb60e0719e45e7"

)_",
     R"_(HTTP/1.1 200 OK
Server: Microsoft-IIS/5.0
Content-Type: message/rfc822
Cache-Control: no-cache
Content-Length: 371

Received: from mail.example.net by mx1.example.com with SMTP;
	Thu, 10 Jun 2004 10:12:11 +0000
From: "Bob Example" <bob@example.net>
To: alice@example.com
Subject: Lunch & more
Date: Thu, 10 Jun 2004 10:12:09 +0000
Message-ID: <20040610101209.1@example.net>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Twelve at the usual place?
.
-- 
Bob
)_"},
    {R"_(PROPPATCH /cgi-bin/hmdata/alice@example.com/folders/ACTIVE/MSG1086862331.2 HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Content-Type: text/xml
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/MSG1086862331.2", algorithm=MD5, qop=auth, nc=00000005, cnonce="0a4f113b7c9d2e61", response="62b86bf35abaaff17b2b3f199c85f616"
Content-Length: 183

<?xml version="1.0"?>
<D:propertyupdate xmlns:D="DAV:" xmlns:hm="urn:schemas:httpmail:">
	<D:set>
		<D:prop>
			<hm:read>1</hm:read>
		</D:prop>
	</D:set>
</D:propertyupdate>
)_",
     R"_(HTTP/1.1 200 OK
Server: Microsoft-IIS/5.0
X-Dav-Error: 200 No error
Content-Length: 0

)_"},
    {R"_(BPROPPATCH /cgi-bin/hmdata/alice@example.com/folders/ACTIVE/ HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Content-Type: text/xml
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/", algorithm=MD5, qop=auth, nc=00000006, cnonce="0a4f113b7c9d2e61", response="f86d09d23c7b9688ac7fc4f02a55b051"
Content-Length: 282

<?xml version="1.0"?>
<D:propertyupdate xmlns:D="DAV:" xmlns:hm="urn:schemas:httpmail:">
	<D:target>
		<D:href>MSG1086862331.2</D:href>
		<D:href>MSG1086861000.1</D:href>
	</D:target>
	<D:set>
		<D:prop>
			<hm:read>0</hm:read>
		</D:prop>
	</D:set>
</D:propertyupdate>
)_",
     R"_(HTTP/1.1 207 Multi-Status
Server: Microsoft-IIS/5.0
Content-Type: text/xml
X-Dav-Error: 200 No error
Content-Length: 580

<?xml version="1.0" encoding="Windows-1252"?>
<D:multistatus xmlns:D="DAV:" xmlns:hm="urn:schemas:httpmail:">
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/MSG1086862331.2</D:href>
		<D:propstat>
			<D:prop>
				<hm:read/>
			</D:prop>
			<D:status>HTTP/1.1 200 OK</D:status>
		</D:propstat>
	</D:response>
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/MSG1086861000.1</D:href>
		<D:status>HTTP/1.1 404 Not Found</D:status>
	</D:response>
</D:multistatus>
)_"},
    {R"_(BMOVE /cgi-bin/hmdata/alice@example.com/folders/ACTIVE/ HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Destination: http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/trAsH/
Depth: 1
Content-Type: text/xml
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/", algorithm=MD5, qop=auth, nc=00000007, cnonce="0a4f113b7c9d2e61", response="0d2bac4837d8ffa51e5b28372b7dca60"
Content-Length: 122

<?xml version="1.0"?>
<D:move xmlns:D="DAV:">
	<D:target>
		<D:href>MSG1086862331.2</D:href>
	</D:target>
</D:move>
)_",
     R"_(HTTP/1.1 207 Multi-Status
Server: Microsoft-IIS/5.0
Content-Type: text/xml
X-Dav-Error: 200 No error
Content-Length: 399

<?xml version="1.0" encoding="Windows-1252"?>
<D:multistatus xmlns:D="DAV:">
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/MSG1086862331.2</D:href>
		<D:location>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/trAsH/MSG1086862331.2</D:location>
		<D:status>HTTP/1.1 200 OK</D:status>
	</D:response>
</D:multistatus>
)_"},
    {R"_(MOVE /cgi-bin/hmdata/alice@example.com/folders/ACTIVE/MSG1086862331.2 HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Destination: http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/trAsH/MSG1086862331.2
Allow-Rename: t
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/folders/ACTIVE/MSG1086862331.2", algorithm=MD5, qop=auth, nc=00000008, cnonce="0a4f113b7c9d2e61", response="a895b45e71da62260152c257b45b6bb0"
Content-Length: 0

)_",
     R"_(HTTP/1.1 201 Created
Location: http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/trAsH/MSG1086862331.2
Content-Length: 0

)_"},
    {R"_(BDELETE /cgi-bin/hmdata/alice@example.com/folders/trAsH/ HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Content-Type: text/xml
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/folders/trAsH/", algorithm=MD5, qop=auth, nc=00000009, cnonce="0a4f113b7c9d2e61", response="b7be574ee428d5eb3401f25b6212d5d4"
Content-Length: 126

<?xml version="1.0"?>
<D:delete xmlns:D="DAV:">
	<D:target>
		<D:href>MSG1086862331.2</D:href>
	</D:target>
</D:delete>
)_",
     R"_(HTTP/1.1 204 No Content

)_"},
    {R"_(POST /cgi-bin/hmdata/alice@example.com/sendmsg HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
SAVEINSENT: t
Content-Type: message/rfc821
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/sendmsg", algorithm=MD5, qop=auth, nc=0000000a, cnonce="0a4f113b7c9d2e61", response="850217f1036ed332fc92fd5d64b8da57"
Content-Length: 342

MAIL FROM:<alice@example.com>
RCPT TO:<bob@example.net>
RCPT TO:<carol@example.org>

From: "Alice" <alice@example.com>
To: "Bob Example" <bob@example.net>
Subject: Re: Lunch & more
Date: Thu, 10 Jun 2004 10:20:00 +0000
Message-ID: <20040610102000.1@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Yes.
)_",
     R"_(HTTP/1.1 201 Created
Location: http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/sAVeD/MSG1086862800.7
Content-Length: 0

)_"},
    {R"_(POST /cgi-bin/hmdata/alice@example.com/folders/drAfT/ HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Content-Type: message/rfc822
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/folders/drAfT/", algorithm=MD5, qop=auth, nc=0000000b, cnonce="0a4f113b7c9d2e61", response="4a876b0ab1429f5ea73e110322ecab90"
Content-Length: 190

From: "Alice" <alice@example.com>
To: bob@example.net
Subject: draft
Date: Thu, 10 Jun 2004 10:25:00 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

(unfinished)
)_",
     R"_(HTTP/1.1 201 Created
Location: http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/drAfT/MSG1086863100.8
Content-Length: 0

)_"},
    {R"_(MKCOL /cgi-bin/hmdata/alice@example.com/folders/Projects/ HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Content-Type: text/xml
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/folders/Projects/", algorithm=MD5, qop=auth, nc=0000000c, cnonce="0a4f113b7c9d2e61", response="2ba81e297f28081bb5cdab411e03ed63"
Content-Length: 0

)_",
     R"_(HTTP/1.1 201 Created
Location: http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/F0007/
Content-Length: 0

)_"},
    {R"_(MOVE /cgi-bin/hmdata/alice@example.com/folders/F0007/ HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Destination: http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/Archive/
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/folders/F0007/", algorithm=MD5, qop=auth, nc=0000000d, cnonce="0a4f113b7c9d2e61", response="5d92d916f7c7c3a63e202a037866208a"
Content-Length: 0

)_",
     R"_(HTTP/1.1 201 Created
Location: http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/folders/F0007/
Content-Length: 0

)_"},
    {R"_(DELETE /cgi-bin/hmdata/alice@example.com/folders/F0007/ HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/folders/F0007/", algorithm=MD5, qop=auth, nc=0000000e, cnonce="0a4f113b7c9d2e61", response="c673ee3e1d0ff00c2b8240e29a03b21c"

)_",
     R"_(HTTP/1.1 200 OK
Content-Length: 0

)_"},
    {R"_(PROPFIND /cgi-bin/hmdata/alice@example.com/abdata/ HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Depth: 1,noroot
Content-Type: text/xml
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/abdata/", algorithm=MD5, qop=auth, nc=0000000f, cnonce="0a4f113b7c9d2e61", response="6bd5a3c6d5355a85e4565ceb90065800"
Content-Length: 270

<?xml version="1.0"?>
<D:propfind xmlns:D="DAV:" xmlns:c="urn:schemas:contacts:" xmlns:h="http://schemas.microsoft.com/hotmail/">
	<D:prop>
		<D:id/>
		<h:modified/>
		<c:cn/>
		<c:givenName/>
		<c:sn/>
		<c:nickname/>
		<c:email1/>
	</D:prop>
</D:propfind>
)_",
     R"_(HTTP/1.1 207 Multi-Status
Server: Microsoft-IIS/5.0
Content-Type: text/xml
X-Dav-Error: 200 No error
Content-Length: 699

<?xml version="1.0" encoding="Windows-1252"?>
<D:multistatus xmlns:D="DAV:" xmlns:m="urn:schemas:mailheader:" xmlns:hm="urn:schemas:httpmail:" xmlns:c="urn:schemas:contacts:" xmlns:h="http://schemas.microsoft.com/hotmail/">
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/abdata/C17</D:href>
		<D:propstat>
			<D:prop>
				<D:id>C17</D:id>
				<h:modified>1086850000</h:modified>
				<c:cn>Bob Example</c:cn>
				<c:givenName>Bob</c:givenName>
				<c:sn>Example</c:sn>
				<c:nickname>bob</c:nickname>
				<c:email1>bob@example.net</c:email1>
			</D:prop>
			<D:status>HTTP/1.1 200 OK</D:status>
		</D:propstat>
	</D:response>
</D:multistatus>
)_"},
    {R"_(PROPPATCH /cgi-bin/hmdata/alice@example.com/abdata/C17 HTTP/1.1
Host: bay15.oe.example.com
User-Agent: Outlook-Express/6.0 (MSIE 6.0; Windows NT 5.1; TmstmpExt)
Content-Type: text/xml
Cookie: HMSC=41c7; MSPAuth=9aX2
Authorization: Digest username="alice@example.com", realm="hotmail.com", nonce="MTA4Njg2MjMzMTo3ZjNjMWQ1ZTliMmE0MDg2YzFlMGQzZjRhNWI2OTc4OA==", uri="/cgi-bin/hmdata/alice@example.com/abdata/C17", algorithm=MD5, qop=auth, nc=00000010, cnonce="0a4f113b7c9d2e61", response="2a24e2b45e9ec1a9794b2360921082e0"
Content-Length: 194

<?xml version="1.0"?>
<D:propertyupdate xmlns:D="DAV:" xmlns:c="urn:schemas:contacts:">
	<D:set>
		<D:prop>
			<c:mobile>+1 555 0100</c:mobile>
		</D:prop>
	</D:set>
</D:propertyupdate>
)_",
     R"_(HTTP/1.1 207 Multi-Status
Server: Microsoft-IIS/5.0
Content-Type: text/xml
X-Dav-Error: 200 No error
Content-Length: 481

<?xml version="1.0" encoding="Windows-1252"?>
<D:multistatus xmlns:D="DAV:" xmlns:h="http://schemas.microsoft.com/hotmail/" xmlns:c="urn:schemas:contacts:">
	<D:response>
		<D:href>http://bay15.oe.example.com/cgi-bin/hmdata/alice@example.com/abdata/C17</D:href>
		<D:propstat>
			<D:prop>
				<D:id>C17</D:id>
				<h:modified>1086863500</h:modified>
				<c:mobile/>
			</D:prop>
			<D:status>HTTP/1.1 200 OK</D:status>
		</D:propstat>
	</D:response>
</D:multistatus>
)_"},
};

/** The user is EXAMPLE\alice, the password "open sesame"; TLS is assumed. The login form itself was fetched before the second request,
    whose body has no line end. */
inline constexpr example_exchange exchange_session[] = {
    {R"_(PROPFIND /exchange/alice/ HTTP/1.1
Host: mail.example.com
User-Agent: ExampleClient/1.0
Depth: 0
Brief: t
Content-Type: text/xml
Content-Length: 197

<?xml version="1.0"?>
<propfind xmlns="DAV:" xmlns:hm="urn:schemas:httpmail:">
<prop><hm:inbox/><hm:deleteditems/><hm:sentitems/><hm:drafts/><hm:sendmsg/><hm:msgfolderroot/></prop>
</propfind>
)_",
     R"_(HTTP/1.1 440 Login Timeout
Server: Microsoft-IIS/6.0
Connection: close
Content-Length: 0

)_"},
    {R"_(POST /exchweb/bin/auth/owaauth.dll HTTP/1.1
Host: mail.example.com
User-Agent: ExampleClient/1.0
Content-Type: application/x-www-form-urlencoded
Content-Length: 128

destination=https%3A%2F%2Fmail.example.com%2Fexchange%2Falice%2F&flags=4&username=EXAMPLE%5Calice&password=open+sesame&trusted=4)_",
     R"_(HTTP/1.1 302 Moved Temporarily
Location: https://mail.example.com/exchange/alice/
Set-Cookie: sessionid=4e1c; path=/
Set-Cookie: cadata="2bX9"; HttpOnly; secure; path=/
Content-Length: 0

)_"},
    {R"_(PROPFIND /exchange/alice/ HTTP/1.1
Host: mail.example.com
User-Agent: ExampleClient/1.0
Depth: 0
Brief: t
Content-Type: text/xml
Cookie: sessionid=4e1c; cadata="2bX9"
Content-Length: 197

<?xml version="1.0"?>
<propfind xmlns="DAV:" xmlns:hm="urn:schemas:httpmail:">
<prop><hm:inbox/><hm:deleteditems/><hm:sentitems/><hm:drafts/><hm:sendmsg/><hm:msgfolderroot/></prop>
</propfind>
)_",
     R"_(HTTP/1.1 207 Multi-Status
Server: Microsoft-IIS/6.0
Content-Type: text/xml
MS-Exchange-Permanent-URL: https://mail.example.com/exchange/alice/-FlatUrlSpace-/0a1b-1/
Accept-Ranges: rows
Content-Length: 793

<?xml version="1.0"?><a:multistatus xmlns:b="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/" xmlns:d="urn:schemas:httpmail:" xmlns:c="xml:" xmlns:a="DAV:"><a:response><a:href>https://mail.example.com/exchange/alice/</a:href><a:propstat><a:status>HTTP/1.1 200 OK</a:status><a:prop><d:inbox>https://mail.example.com/exchange/alice/Inbox</d:inbox><d:deleteditems>https://mail.example.com/exchange/alice/Deleted%20Items</d:deleteditems><d:sentitems>https://mail.example.com/exchange/alice/Sent%20Items</d:sentitems><d:drafts>https://mail.example.com/exchange/alice/Drafts</d:drafts><d:sendmsg>https://mail.example.com/exchange/alice/##DavMailSubmissionURI##</d:sendmsg><d:msgfolderroot>https://mail.example.com/exchange/alice/</d:msgfolderroot></a:prop></a:propstat></a:response></a:multistatus>
)_"},
    {R"_(SEARCH /exchange/alice/Inbox/ HTTP/1.1
Host: mail.example.com
User-Agent: ExampleClient/1.0
Brief: t
Range: rows=0-49
Content-Type: text/xml
Cookie: sessionid=4e1c; cadata="2bX9"
Content-Length: 407

<?xml version="1.0"?>
<searchrequest xmlns="DAV:"><sql>
SELECT "DAV:uid", "urn:schemas:httpmail:read", "urn:schemas:httpmail:hasattachment", "urn:schemas:httpmail:subject", "urn:schemas:httpmail:datereceived", "DAV:getcontentlength"
FROM SCOPE('SHALLOW TRAVERSAL OF ""')
WHERE "DAV:isfolder" = false AND "DAV:ishidden" = false
ORDER BY "urn:schemas:httpmail:datereceived" DESC
</sql></searchrequest>
)_",
     R"_(HTTP/1.1 207 Multi-Status
Server: Microsoft-IIS/6.0
Content-Type: text/xml
Accept-Ranges: rows
Content-Range: rows 0-0; total=1
Content-Length: 625

<?xml version="1.0"?><a:multistatus xmlns:b="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/" xmlns:d="urn:schemas:httpmail:" xmlns:a="DAV:"><a:response><a:href>https://mail.example.com/exchange/alice/Inbox/Re:%20foo.EML</a:href><a:propstat><a:status>HTTP/1.1 200 OK</a:status><a:prop><a:uid>AQEAAAAAFqBVAAAAAAAAAAAAAAAA</a:uid><d:read b:dt="boolean">0</d:read><d:hasattachment b:dt="boolean">0</d:hasattachment><d:subject>Re: foo</d:subject><d:datereceived b:dt="dateTime.tz">2004-06-10T10:12:09.000Z</d:datereceived><a:getcontentlength b:dt="int">812</a:getcontentlength></a:prop></a:propstat></a:response></a:multistatus>
)_"},
    {R"_(BPROPPATCH /exchange/alice/Inbox/ HTTP/1.1
Host: mail.example.com
User-Agent: ExampleClient/1.0
Brief: t
If-Match: *
Content-Type: text/xml
Cookie: sessionid=4e1c; cadata="2bX9"
Content-Length: 266

<?xml version="1.0"?>
<a:propertyupdate xmlns:a="DAV:" xmlns:b="urn:schemas:httpmail:">
<a:target>
<a:href>https://mail.example.com/exchange/alice/Inbox/Re:%20foo.EML</a:href>
</a:target>
<a:set><a:prop><b:read>1</b:read></a:prop></a:set>
</a:propertyupdate>
)_",
     R"_(HTTP/1.1 200 OK
Server: Microsoft-IIS/6.0
Content-Length: 0

)_"},
    {R"_(BMOVE /exchange/alice/Inbox/ HTTP/1.1
Host: mail.example.com
User-Agent: ExampleClient/1.0
Destination: https://mail.example.com/exchange/alice/Deleted%20Items/
Overwrite: f
Allow-Rename: t
Content-Type: text/xml
Cookie: sessionid=4e1c; cadata="2bX9"
Content-Length: 148

<?xml version="1.0"?>
<move xmlns="DAV:">
<target>
<href>https://mail.example.com/exchange/alice/Inbox/Re:%20foo.EML</href>
</target>
</move>
)_",
     R"_(HTTP/1.1 207 Multi-Status
Server: Microsoft-IIS/6.0
Content-Type: text/xml
Content-Length: 307

<?xml version="1.0"?><a:multistatus xmlns:a="DAV:"><a:response><a:href>https://mail.example.com/exchange/alice/Inbox/Re:%20foo.EML</a:href><a:status>HTTP/1.1 201 Created</a:status><a:location>https://mail.example.com/exchange/alice/Deleted%20Items/Re:%20foo-2.EML</a:location></a:response></a:multistatus>
)_"},
    {R"_(PUT /exchange/alice/%23%23DavMailSubmissionURI%23%23 HTTP/1.1
Host: mail.example.com
User-Agent: ExampleClient/1.0
Translate: f
Saveinsent: f
Content-Type: message/rfc821
Cookie: sessionid=4e1c; cadata="2bX9"
Content-Length: 233

MAIL FROM:<alice@example.com>
RCPT TO:<bob@example.net>

From: alice@example.com
To: bob@example.net
Subject: hello
Date: Thu, 10 Jun 2004 10:30:00 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

hello
)_",
     R"_(HTTP/1.1 200 OK
Server: Microsoft-IIS/6.0
Content-Length: 0

)_"},
};

} // namespace support

#endif
