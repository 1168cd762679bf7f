//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//

// Names of the properties of mailboxes, folders and messages: whatever HTTPMail adds to WebDAV.

#ifndef POSTHORN_HTTPMAIL_NAMES_HPP
#define POSTHORN_HTTPMAIL_NAMES_HPP

#include <posthorn/dav/names.hpp>
#include <posthorn/xml/name.hpp>

namespace posthorn::httpmail::names {

// Of the root: where everything is.
inline constexpr xml::name adbar{dav::hotmail_space, "adbar"};
inline constexpr xml::name maxpoll{dav::hotmail_space, "maxpoll"};
inline constexpr xml::name sig{dav::hotmail_space, "sig"};
inline constexpr xml::name modified{dav::hotmail_space, "modified"};
inline constexpr xml::name inbox{dav::httpmail_space, "inbox"};
inline constexpr xml::name outbox{dav::httpmail_space, "outbox"};
inline constexpr xml::name sentitems{dav::httpmail_space, "sentitems"};
inline constexpr xml::name deleteditems{dav::httpmail_space, "deleteditems"};
inline constexpr xml::name drafts{dav::httpmail_space, "drafts"};
inline constexpr xml::name junkemail{dav::httpmail_space, "junkemail"};
inline constexpr xml::name contacts{dav::httpmail_space, "contacts"};
inline constexpr xml::name calendar{dav::httpmail_space, "calendar"};
inline constexpr xml::name tasks{dav::httpmail_space, "tasks"};
inline constexpr xml::name journal{dav::httpmail_space, "journal"};
inline constexpr xml::name notes{dav::httpmail_space, "notes"};
inline constexpr xml::name msgfolderroot{dav::httpmail_space, "msgfolderroot"};
inline constexpr xml::name sendmsg{dav::httpmail_space, "sendmsg"};

// Of folders (draft-hopmann-collection-props).
inline constexpr xml::name isfolder{dav::dav_space, "isfolder"};
inline constexpr xml::name ishidden{dav::dav_space, "ishidden"};
inline constexpr xml::name hassubs{dav::dav_space, "hassubs"};
inline constexpr xml::name nosubs{dav::dav_space, "nosubs"};
inline constexpr xml::name visiblecount{dav::dav_space, "visiblecount"};
inline constexpr xml::name special{dav::httpmail_space, "special"};
inline constexpr xml::name unreadcount{dav::httpmail_space, "unreadcount"};
inline constexpr xml::name outlookfolderclass{dav::exchange_space, "outlookfolderclass"};

// Of messages. Who has an attachment is told under either of two names.
inline constexpr xml::name id{dav::dav_space, "id"};
inline constexpr xml::name uid{dav::dav_space, "uid"};
inline constexpr xml::name read{dav::httpmail_space, "read"};
inline constexpr xml::name hm_hasattachment{dav::httpmail_space, "hasattachment"};
inline constexpr xml::name m_hasattachment{dav::mailheader_space, "hasattachment"};
inline constexpr xml::name hm_subject{dav::httpmail_space, "subject"};
inline constexpr xml::name hm_from{dav::httpmail_space, "from"};
inline constexpr xml::name hm_to{dav::httpmail_space, "to"};
inline constexpr xml::name hm_date{dav::httpmail_space, "date"};
inline constexpr xml::name hm_datereceived{dav::httpmail_space, "datereceived"};
inline constexpr xml::name hm_fromemail{dav::httpmail_space, "fromemail"};
inline constexpr xml::name fromaddr{dav::hotmail_space, "fromaddr"};
inline constexpr xml::name m_subject{dav::mailheader_space, "subject"};
inline constexpr xml::name m_from{dav::mailheader_space, "from"};
inline constexpr xml::name m_to{dav::mailheader_space, "to"};
inline constexpr xml::name m_date{dav::mailheader_space, "date"};
inline constexpr xml::name m_message_id{dav::mailheader_space, "message-id"};

// Of contacts on Exchange; their fields are in contact.hpp.
inline constexpr xml::name contentclass{dav::dav_space, "contentclass"};
inline constexpr xml::name outlookmessageclass{dav::exchange_space, "outlookmessageclass"};

} // namespace posthorn::httpmail::names

#endif
