"""Words that people who give feedback use for one another: each sense has some, a word may have several senses.

Made by hand for feedback on products of any kind, from what anybody knows of how such things are called: English, and the
commonest words of German, Spanish and French. `_` joins words that mean something only together. Near meanings stand beside
equal ones: a sense is worth less than the word itself (see `slipway.feedback.similar`).
"""

from __future__ import annotations

from functools import lru_cache

from slipway.feedback.words import spelled, stem

_SENSES = """
login signin logon log_in sign_in signing_in sign_on signon logging_in authenticate authentication anmelden anmeldung
einloggen iniciar_sesion acceso connexion connecter; logout signout log_out sign_out logged_out signed_out kicked_out session
abmelden ausloggen cerrar_sesion sesion deconnexion; register signup sign_up signing_up registration create_account join
registrieren konto registro registrarse inscription inscrire; account profile user konto benutzerkonto cuenta compte; password
passphrase passcode pin credential kennwort passwort contrasena mot_de_passe; sso single_sign saml okta identity_provider;
two_factor 2fa mfa two_step second_factor verification authenticator one_time otp verificacion; fingerprint biometric face_id
touch_id faceid touchid passkey; forgot forget forgotten reset recover recovery lost vergessen zurucksetzen olvidar recuperar
oublier; locked lock lockout blocked block ban suspended gesperrt bloqueado bloque; remember keep store save retain preserve
persist stay template preset merken behalten speichern recordar guardar garder enregistrer; autosave auto_save draft
save_automatically unsaved lost lose die; export download extract dump save_as backup get_data take_out exportieren
herunterladen exportar descargar bajar exporter telecharger; import upload bring_in load ingest migrate migration move_over
moving_over switch_from transfer importieren hochladen importar subir cargar importer; csv spreadsheet excel xlsx xls sheet
table tabelle hoja tableur; pdf printable print printing printout paper hard_copy drucken ausdrucken imprimir imprimer;
document file doc paper attachment datei dokument documento archivo fichier; attachment attach attached file upload anhang
anhange adjunto piece_jointe; image picture photo photograph pic img screenshot bild foto fotos imagen fotografia
photographie; video movie clip recording film tutorial; zip archive compressed bundle; json xml machine_readable structured;
crash freeze hang quit die died dead stuck unresponsive frozen close_itself abort absturz sturzt einfrieren hangt bloquea
cuelga plante; error fail failure failed bug broken problem issue wrong fault exception not_working doesnt_work stops_working
fehler kaputt fehlerhaft falsch funktioniert falla fallo roto erreur panne marche_pas; nothing no_reaction no_effect
unresponsive does_nothing not_respond ignore ignored dead; slow lag laggy sluggish delay latency slowness forever ages
takes_forever performance speed wait waiting long seconds minutes hours late lahm langsam dauert ewig lento tarda lent
lenteur; fast faster quick quickly speed_up snappy instant instantly immediately right_away schnell sofort rapido inmediato
rapide vite; memory ram gigabyte cpu heavy resource eats hog; battery power charge drain energy akku bateria batterie; timeout
time_out timed_out expire abort; load loading open opening start startup launch boot spinner laden offnen cargar abrir charger
ouvrir; dark night black dark_mode night_mode dark_theme dim dunkel dunkle nacht schwarz oscuro noche negro sombre nuit noir;
light bright white day glare blinding flash hell weiss claro blanco clair blanc; theme color colour appearance scheme palette
style skin look design contrast farbe tema couleur; contrast readable legible hard_read faint grey gray pale; font text letter
character typeface size type schrift letra fuente police; small tiny little mini too_small klein pequeno petit; big large
larger bigger huge giant enlarge increase magnify zoom gross grosser grande aumentar grand agrandir; image_size resolution
original quality full_size; bill invoice receipt billing statement rechnung beleg factura recibo facture recu; pay payment
paying paid charge charged purchase buy checkout zahlen bezahlen zahlung pagar pago cobro payer paiement; price cost fee
expensive pricing rate amount money preis kosten gebuhr precio coste prix cout tarif; refund money_back reimburse chargeback
return reimbursement erstattung reembolso devolucion remboursement; subscription plan membership tier package abo abonnement
suscripcion; upgrade downgrade switch change_plan switch_plan move_plan; cancel cancellation unsubscribe terminate quit stop
end kundigen stornieren abbrechen cancelar anular annuler resilier; renew renewal reauthorize reconnect renewed extend again;
annual yearly year jahr jahrlich anual ano annuel annee; monthly month monat mensual mes mensuel mois; weekly week woche
semana semaine; daily day tag dia jour today tomorrow; trial free_trial test_period demo evaluation probezeit prueba essai;
discount coupon voucher promo promotion code rabatt gutschein descuento cupon remise; tax vat gst iva mwst steuer impuesto;
card credit_card debit visa mastercard karte tarjeta carte; twice double doubled duplicate duplicated multiply repeated
two_times same identical copy doppelt duplikat doble duplicado doublon; currency euro dollar money wahrung moneda devise;
instalment installment spread several_months pay_later; tip gratuity; gift present voucher; search find look_for lookup
look_up query locate seek suche suchen finden buscar busqueda encontrar recherche chercher trouver; typo misspelling spelling
mistype fuzzy tolerant forgiving; result hit match found outcome ergebnis treffer resultado resultat; filter narrow restrict
refine facet criteria einschranken filtern filtrar filtrer; sort order arrange ranking rank sorted ordering sortieren
reihenfolge ordenar orden trier tri; phrase quotation quote exact exactly verbatim; suggest suggestion autocomplete
auto_complete typeahead recommend recommendation propose vorschlag sugerencia; history recent past log audit earlier previous
last_used verlauf historial historique; notification notify alert push message reminder ping buzz warning warn inform heads_up
benachrichtigung hinweis meldung erinnerung notificacion aviso alerta recordatorio alerte rappel avertir; email mail e_mail
inbox newsletter correo courriel post; sms text_message; mute silence silent quiet disturb snooze pause turn_off stop stumm
ruhe silenciar silencio muet sourdine; digest summary daily_summary bundle batch overview roundup recap zusammenfassung
resumen resume; unread read mark_read seen gelesen leido lu; sound noise ring tone beep audio volume ton sonido son; badge
counter count number unread_count; off disable turn_off switch_off deactivate opt_out hide ausschalten deaktivieren desactivar
apagar desactiver; on enable turn_on switch_on activate allow einschalten aktivieren activar activer; permission access right
role privilege authorization restrict allow berechtigung recht rechte zugriff permiso acceso rol droit acces autorisation;
admin administrator owner manager superuser verwalter administrador administrateur; guest visitor outsider external outside
public client customer freelancer contractor gast invitado invite externe; customer client buyer shopper kunde cliente; member
teammate colleague coworker team people user staff employee person somebody everybody kollege mitglied miembro companero
equipo membre collegue equipe; team group department workspace organization organisation gruppe equipo grupo groupe; invite
invitation add_people onboard einladen einladung invitar invitacion inviter; owner ownership transfer hand_over take_over
handover belong; private internal confidential secret hidden visible privat intern privado prive; readonly read_only view_only
viewer only_read reading just_look restricted; approve approval review sign_off accept confirm genehmigen freigeben aprobar
approuver; audit log trail who_changed history activity; delete remove erase clear trash bin discard drop purge deletion wipe
throw_away loschen entfernen papierkorb borrar eliminar quitar supprimer effacer; restore recover undelete bring_back undo
get_back wiederherstellen restaurar recuperar restaurer retablir; undo revert roll_back rollback ctrl_z reverse step_back
take_back mistake accident accidentally by_mistake ruckgangig deshacer annuler; confirm confirmation are_you_sure ask_before
warn prompt; api endpoint rest interface programmatic developer programmer script schnittstelle; token api_key key secret
credential schlussel clave cle; limit rate_limit quota throttle cap maximum max too_many limite begrenzung; webhook callback
trigger hook event; documentation docs manual guide help tutorial example instruction sample explain doku anleitung hilfe
documentacion guia ejemplo aide exemple; outdated obsolete stale old deprecated not_up_to_date no_longer veraltet obsoleto
perime; pagination paging pages page_through walking_pages next_page; sandbox test_environment staging testing playground; sdk
library client_library package; integrate integration connect connection connector link sync synchronize plugin hook_up
talk_to flow verbinden anbindung integracion conectar connecter; sync synchronize synchronise sync_back up_to_date mirror
two_way both_ways abgleich synchronisieren sincronizar synchroniser; slack teams discord chat channel messenger; jira ticket
issue tracker; crm hubspot salesforce contact customer_record; contact address_book person record kontakt contacto; google
gmail gcal; microsoft outlook office word; calendar schedule agenda planner date appointment kalender terminplan termin
calendario calendrier cita rendez; event appointment meeting standup booking occurrence termin cita reunion rendez_vous
evento; recurring repeat repeating series recurrence every_week regular each_week wiederkehrend serie recurrente recurrent;
reminder remind alert ahead; holiday vacation public_holiday day_off leave bank_holiday feiertag urlaub freie_tage feriado
festivo vacaciones ferie conge; timezone time_zone local_time zeitzone zona_horaria fuseau; week calendar_week weekday monday
sunday weekend saturday woche wochenende semana fin; hour time clock o_clock uhr uhrzeit stunde hora heure; available
availability free free_slot open_slot vacant spare frei verfugbar disponible libre; drag drop drag_drop drag_and move pull
reorder rearrange ziehen verschieben arrastrar mover glisser deplacer; map location place position gps geo karte ort standort
mapa ubicacion lugar carte lieu; satellite aerial layer terrain street; route direction navigation way path distance weg
strecke ruta chemin itineraire; coordinate latitude longitude lat lon gps position; marker pin spot point place poi; near
nearby near_me close_by around distance closest nahe cerca pres proche; area region shape zone polygon sketch draw freehand
gebiet zona; zoom enlarge magnify pinch scale two_hundred; book booking reserve reservation appointment slot buchen buchung
reservieren reservierung reservar reserva reserver; reschedule move_appointment change_date postpone shift another_day
verschieben aplazar reporter; overbook double_booking double_book same_room clash conflict overlap two_groups; waitlist
waiting_list queue full fully_booked sold_out ausgebucht lista_espera liste_attente; buffer gap break pause between space;
deposit prepay prepayment down_payment upfront advance anzahlung deposito acompte; no_show noshow not_show dont_turn absent;
several multiple many bulk batch mass more_than at_once one_go one_by one_time together everything all_together mehrere viele
mehreren alle varios multiples muchos plusieurs; offline internet connection no_internet without_internet without_connection
no_connection disconnected no_signal no_network airplane plane subway train tunnel basement flight ohne_internet sin_conexion
sin_internet hors_ligne; internet connection network online wifi signal reception mobile_data verbindung netz conexion red
connexion reseau; conflict merge both_changed clash overwrite overwritten two_people concurrent simultaneous konflikt
conflicto conflit; queue later pending outbox transmit send_later; cache stored locally local download; storage space disk
room capacity gigabyte quota speicher espacio almacenamiento stockage espace; shortcut hotkey key_binding keybinding
key_combination binding keyboard tastenkurzel tastaturkurzel atajo raccourci; keyboard key keys type typing tastatur teclado
clavier; arrow cursor_key caret cursor pfeil flecha; cursor caret insertion_point pointer; escape esc close cancel; enter
return submit send; mouse click pointer tap press touch klick clic raton souris; tab focus focus_order jump; accessibility
accessible a11y disabled disability blind deaf impaired wheelchair barrierefrei accesibilidad accessibilite; screen_reader
screenreader voiceover nvda jaws talkback read_aloud read_out vorlesen lector_pantalla lector lecteur_ecran; caption subtitle
transcript untertitel subtitulo sous_titre; animation motion movement moving sliding effect dizzy nausea blink flicker
bewegung animacion; alt_text alternative_text image_description describe; label name title caption describe description
etikett beschriftung etiqueta nombre titulo etiquette nom titre; color_blind colorblind colourblind red_green; language
translation translate localization localisation locale translated sprache ubersetzung ubersetzen idioma traduccion traducir
langue traduction traduire; english german french spanish italian portuguese dutch arabic japanese chinese polish russian
turkish; rtl right_left right_to_left arabic hebrew mirrored; date_format format region regional locale day_month; decimal
comma point separator number_format 3 thousand; umlaut accent accented special_character diacritic encoding garbled utf
mojibake sonderzeichen acento tilde caracter; unit metric imperial kilometer miles celsius fahrenheit; share sharing send hand
pass publish teilen geteilt freigeben freigegeben compartir partager; link url address hyperlink verlinkung enlace lien;
public anyone anybody everyone open world; expire expiry expiration valid automatically_stop time_limit ablaufen caducar
expirer; embed embedded iframe widget website site; qr qr_code barcode scan; preview thumbnail glimpse before vorschau
vista_previa apercu; comment remark note discussion feedback reply annotate annotation kommentar anmerkung comentario nota
commentaire remarque; mention at_mention tag_people name_somebody; reply answer respond response antwort antworten respuesta
responder reponse repondre; onboarding introduction intro tour getting_started walkthrough first_steps guided welcome tutorial
einfuhrung rundgang introduccion recorrido bienvenida visite bienvenue; skip dismiss close bypass jump_over uberspringen
omitir saltar passer; restart start_again replay again redo run_again repeat; checklist todo to_do list_of steps remaining;
sample example dummy demo_data template beispiel muster ejemplo muestra exemple; setup set_up configure configuration settings
install preference option einstellung einrichten konfigurieren configuracion ajuste opcion reglage parametre; confusing
unclear complicated difficult hard understand overwhelmed lost impossible verwirrend unklar confuso complicado confus
complique; find_button hidden hard_to cant_find impossible_find where; chart graph plot diagram visualization visualisation
diagramm grafik grafico grafica graphique; bar_chart bar column histogram; pie pie_chart donut slice sector; line trend curve
line_chart trendline; axis axes scale x_axis y_axis; zero 0 nil empty null cero; gap missing blank hole no_measurement no_data
absent fehlt fehlen faltan manque; compare comparison versus side_by against previous_year last_year vergleich vergleichen
comparar comparer; forecast predict prediction extrapolate projection future next_quarter prognose pronostico prevision;
tooltip hover mouseover value; legend key series; stack stacked cumulative category; drill drill_down underlying behind
details records; report dashboard analytics statistics stats insight metric bericht auswertung informe reporte rapport
tableau_bord panel; record entry row item data line datensatz eintrag zeile registro fila entrada entree ligne; data
information datum daten datos informacion donnees; field column attribute property spalte feld columna campo colonne champ;
total sum amount subtotal summe suma somme; average mean median; refresh reload update current live real_time realtime
pull_down swipe_down aktualisieren neu_laden actualizar recargar recarga actualiser rafraichir; virus malware infected scan
security; version revision previous_version earlier_version newer fassung; replace swap exchange substitute new_version
ersetzen austauschen reemplazar sustituir remplacer; find_replace search_replace suchen_ersetzen; rotate rotated sideways
orientation turned upside portrait landscape quer hochkant gedreht girar rotar tourner; size_limit too_large too_big megabyte
mb limit; rename name_file change_name umbenennen renombrar renommer; folder directory category place ordner verzeichnis
carpeta dossier; tag label category keyword categorize schlagwort etiqueta; editor write writing compose edit text_field
schreiben bearbeiten editar escribir editer ecrire modifier; edit change modify alter altered correct adjust update amend
andern bearbeiten cambiar modificar changer; paste copy clipboard insert einfugen kopieren pegar copiar coller copier; format
formatting style markdown bold rich_text plain_text formatierung formato mise_forme; code snippet syntax highlighting program;
table grid cell rows tabelle zelle tabla celda tableau cellule; list bullet bullets numbered liste lista; spellcheck
spell_check grammar red_underline rechtschreibung; word_count character_count count_words length; emoji smiley emoticon
reaction; template blueprint boilerplate preset reuse vorlage plantilla modele; collaborate together same_time simultaneously
co_edit at_the_same; paypal apple_pay google_pay wallet; receipt proof confirmation; cart basket shopping_cart warenkorb
carrito panier; deliver delivery shipping ship shipment dispatch parcel package courier lieferung versand paket envio entrega
paquete livraison colis; track tracking where_is follow status sendungsverfolgung seguimiento suivi; arrive arrived came come
received show_up delivered ankommen angekommen llegar arriver; address street postcode zip_code adresse anschrift direccion;
pickup pick_up collect locker store abholen recoger retirer; return send_back exchange zuruckschicken devolver retourner; late
delayed delay behind overdue too_late verspatung retraso retard; stock inventory available sold_out out_of_stock vorratig
agotado rupture; wishlist wish_list favorite favourite bookmark star save_later merkliste favorito favori; order purchase
bestellung pedido commande; mobile phone smartphone iphone android cell device handy telefon movil telefono telephone; tablet
ipad large_screen big_screen; app application software program anwendung aplicacion programa logiciel; screen display page
view window monitor bildschirm seite pantalla pagina ecran; homescreen home_screen widget start_page startseite inicio
accueil; browser chrome firefox safari edge webpage website site; windows mac macos linux operating_system system os; button
icon control knopf schaltflache taste boton bouton; menu navigation sidebar toolbar bar dropdown; dialog popup pop_up modal
window overlay dialogo fenster ventana fenetre; swipe gesture slide scroll pull wischen deslizar glisser; scroll scrolling
position jump top; layout overlap overlapping cut_off falls_apart misaligned squeezed messy; split split_view side_by_side
detail beside two_panes; automatic automatically auto by_itself itself schedule automatisch automaticamente automatique;
manual manually by_hand tedious one_by_one; custom customize customise own personalize configurable personalizar personnaliser
anpassen eigene; select choose pick selection option auswahlen wahlen seleccionar elegir elijo choisir; show display see view
visible indicate reveal visualize zeigen anzeigen angezeigt mostrar ver afficher voir montrer; hide conceal invisible collapse
verstecken ausblenden ocultar masquer cacher; add create new insert make hinzufugen erstellen neu anadir agregar crear nuevo
ajouter creer nouveau; move transfer shift relocate verschieben mover deplacer; send submit transmit deliver forward post
senden schicken abschicken enviar mandar envoyer; form questionnaire submission fill fill_in formular formulario formulaire;
require mandatory compulsory obligatory required pflicht obligatorio obligatoire; stop prevent avoid block forbid verhindern
evitar impedir empecher eviter; task todo to_do assignment job work aufgabe tarea tache; project board workspace projekt
proyecto projet; assign assignee responsible delegate zuweisen asignar assigner; deadline due due_date frist plazo echeance;
priority urgent important prioritat prioridad priorite; done complete completed finish finished close closed closing resolve
fertig erledigt terminado completo termine; support help contact_us customer_service chat hilfe soporte ayuda aide; spam junk
unwanted too_many pushy bother annoying nervig molesto; privacy gdpr consent cookie tracking datenschutz privacidad
confidentialite; security secure safe encryption encrypted sicherheit seguridad securite; old older previous former past alt
alte viejo antiguo ancien vieux; new newer latest recent neu neue nuevo reciente nouveau; first initial beginning start anfang
primero premier debut; end bottom last finish ende final ultimo fin dernier; limit_login attempts too_many_attempts tries;
avatar profile_picture photo; captcha robot puzzle challenge; keep_me stay_logged remember_me stay_signed; magic_link
passwordless; declined decline rejected refused refuse denied deny fail abgelehnt rechazado; bank transfer wire iban sepa
direct_debit uberweisung lastschrift transferencia virement; accounting accountant finance bookkeeping bookkeeper buchhaltung
contabilidad comptabilite; traffic congestion jam stau; cluster bundle overlapping pile group; neighbour neighbor doorbell
nearby_person; slot time_window window time_of_day; gift wrap wrapping present geschenk regalo cadeau; box packaging carton
cardboard plastic verpackung embalaje emballage; resize size width height dimension stretch wide narrow shrink; heading title
headline header subject; outline contents table_of structure; indent indentation nested level sublist; error_message
explanation reason explain unclear why; uppercase lowercase capital case case_sensitive; series occurrence instance single
every_single recurring; schedule planned time_based at_certain later; overlay superimpose on_top layer combine merged; family
several group party people persons; recipient receiver guest visitor external; quiet work sunday weekend night hours;
pitch_black true_black oled amoled; safari mac macos; word_processor word docx; rich rtf odt openoffice libreoffice; backup
copy_of archive snapshot sicherung copia_seguridad sauvegarde; dashboard home overview start_page landing; percent percentage
share proportion ratio; minute second hour moment; spread distribution; speak voice dictate dictation speech microphone; hear
listen audio read_aloud; see visible view notice look sehen ver voir; ask request demand question prompt anfordern pedir
demander; explain describe tell say; reach arrive get_to; broken_link dead_link 404 not_found; landing redirect forward jump
lead_to; crop cut trim; merge combine join unify unite zusammenfuhren fusionar fusionner; split separate divide break_up
trennen separar separer; background foreground overnight; sleep standby idle inactive inactivity; consume usage use drain eat;
vibrate vibration buzz haptic; nickname alias pseudonym; country state region province land bundesland pais pays; number
figure digit count zahl nummer numero nombre; letter mail envelope; terms conditions legal contract agreement vertrag contrato
contrat; student education school teacher discount; nonprofit charity; phone_number telephone telefonnummer; call ring phone
dial anruf llamada appel; line row zeile; picker chooser selector dropdown; default preset standard initial vorgabe
predeterminado defaut; username nickname display_name benutzername usuario; team_plan seats seat license licence users; 2 two
second both pair; 3 three third; 4 four fourth; 5 five fifth; 6 six; 7 seven; 8 eight; 9 nine; 10 ten; 12 twelve dozen; 15
fifteen; 20 twenty; 24 twentyfour; 30 thirty; 50 fifty half; 60 sixty; 90 ninety; 100 hundred; 1000 thousand 1k; 1000000
million; annoying irritating frustrating bothersome tedious painful nuisance; allow let permit enable possible; forbid
disallow prevent prohibit deny restrict; incorrect wrong inaccurate false mistaken invalid off; missing absent lacking gone
disappeared vanished lost empty nowhere; disappear vanish gone lose hidden missing; sometimes randomly occasionally
intermittent sporadic now_and_then from_time; always constantly continually permanently every_time all_the_time; never
not_once no_longer; blurry pixelated fuzzy unsharp low_quality grainy quality resolution; copy duplicate clone replicate
reproduce; group grouped categorize category sort_by bundle cluster; boss manager director supervisor lead chief executive
head; employee staff worker personnel workforce hire; child kid minor parental; finger thumb hand one_handed touch tap; weekly
week_by every_week seven_days; quarter quarterly three_months; tomorrow next_day; yesterday previous_day day_before; now
immediately right_now real_time live at_once; later afterwards postpone delay snooze; again repeat once_more anew another_time
repeatedly; pause hold suspend freeze halt temporarily; resume continue carry_on pick_up_where left_off; next following
upcoming; previous last earlier prior former back; back return go_back previous back_button; close exit leave quit shut
dismiss; open reopen expand unfold view; collapse fold minimise minimize shrink hide; expand unfold maximise maximize
fullscreen full_screen enlarge; fullscreen full_screen whole_screen entire_screen; empty blank white nothing void; full
complete entire whole all; part partial portion section piece fraction; short brief concise; long lengthy extended endless;
endless infinite loop never_ends forever; wide narrow width broad; deep nested level hierarchy tree; tree hierarchy nested
subfolder structure; parent child subtask sub_task dependency depends; subtask sub_task checklist step; milestone phase goal
target objective; goal target objective aim; progress status percentage bar how_far completion; status state stage phase;
estimate effort time_spent tracking hours timesheet; timer stopwatch clock countdown track_time; board kanban column lane
swimlane; gantt timeline roadmap plan; timeline chronological history feed activity; feed stream rss atom; activity feed
what_happened recent_changes; vote upvote poll like thumbs; poll survey vote questionnaire; rating rate star score review;
review rate feedback opinion testimonial; bookmark favorite pin star save_for; pin pinned sticky keep_on_top fix; sticky fixed
freeze pinned stays_visible header; header footer top bottom; logo brand branding icon white_label company; brand branding
logo corporate identity colors white_label; domain subdomain own_domain url custom_domain; url address link slug path; cookie
consent banner tracking; advert ad ads advertisement commercial promotion; free gratis no_cost without_paying costless
kostenlos gratuit; cheap affordable low_cost inexpensive; expensive pricey costly too_much overpriced; money cash funds;
balance credit prepaid top_up; refund money_back credited reversed; charge debit bill collect deducted; purchase_order
po_number reference cost_center; company business firm enterprise organisation corporate; branch location office site
subsidiary; warehouse stock storage depot; product article item goods sku; catalog catalogue listing range assortment; variant
size color option model; cart_empties cart_lost basket_empty; abandon leave give_up; checkout pay purchase order_process till;
guest_checkout without_account no_account without_registration; order_history past_orders previous_orders; reorder order_again
buy_again repeat_order; out_of_stock unavailable sold_out not_available back_in_stock; courier driver postman carrier
delivery_man; door doorstep doorbell porch; damaged broken crushed defective; express same_day fast_delivery overnight;
time_window slot delivery_time when_comes; tracking where_is follow_parcel shipment_status; instructions note remark
driver_note; return_label send_back returns; country international abroad overseas worldwide foreign; city town; postal_code
zip zip_code postcode; weather rain temperature forecast; traffic jam congestion road; walk walking pedestrian foot; bike
bicycle cycling cyclist; car drive driving vehicle; bus train public_transport transit; parking park garage; elevation
altitude height terrain hill; compass north orientation heading; track gpx trail recording tour route; radius circle distance
perimeter within; heatmap density hotspot; layer overlay level; legend key explanation symbols; measure distance ruler length
area; polygon shape area region boundary outline; room meeting_room space hall resource; seat place chair spot; table_for
restaurant dinner; guest visitor attendee participant; attendee participant guest invitee who_comes; attendance present
show_up turn_up; course class lesson workshop training; teacher instructor trainer coach provider; doctor patient clinic
practice; staff_member specific_person provider choose_who particular; opening_hours business_hours working_hours; lead_time
advance last_minute notice ahead short_notice; confirm confirmation acknowledge verify verification; decline reject refuse
turn_down; propose suggest alternative counter; double twice two_times; travel trip journey commute; daylight_saving dst
summer_time winter_time clock_change; am_pm 24_hour twelve_hour hour_format clock_format; first_day start_of_week monday
sunday begins_on; working_day business_day weekday; birthday anniversary; ics ical subscribe_calendar feed icalendar;
free_busy busy availability; view month_view week_view day_view perspective; agenda list_view list; keyboard_only
without_mouse no_mouse; mouse_wheel wheel scroll; right_click context_menu secondary_click; command_palette quick_open
launcher jump_to; command_palette command shortcut; vim emacs modal; shortcut_list cheat_sheet overview_of_shortcuts; layout
azerty qwerty qwertz dvorak; conflict clash collide interfere overrides; tab_order focus_order tabbing focus; focus focused
outline ring highlight visible; landmark heading skip_link structure; aria label role announced announce; announce read_out
tell speak; dyslexia dyslexic reading_difficulty opendyslexic readable; readable legible unreadable illegible hard_to_read
can_not_read; contrast low_contrast faint pale grey; seizure epilepsy flashing flicker strobe; sign_language deaf
hard_of_hearing; one_hand single_hand left_handed; voice_control voice speech dictation hands_free; target_size small_button
too_small_to_tap hit_area; dutch netherlands; german germany deutsch; french france; spanish spain espanol; chinese china
mandarin; japanese japan; polish poland; mixed half partly partially both_languages; untranslated not_translated
still_in_english english; plural grammar singular; truncated cut_off overflow too_long clipped abgeschnitten; wrap line_break
newline break; name_order first_name last_name surname; formal informal polite du_sie; merge combine join consolidate unify;
map mapping match assign associate column; header_row first_row headings; delimiter separator semicolon comma tab; preview
dry_run check_before see_before test_run; progress_bar percentage how_long remaining; partial skip invalid_rows ignore_errors
continue; duplicate double already_exists existing twice; overwrite replace existing update_existing; competitor other_tool
another_tool rival switch; evernote notion onenote; trello asana monday basecamp; google_drive onedrive dropbox cloud
cloud_storage box; github gitlab git repository commit; zapier make ifttt automation automate; automation automate rule
workflow automatic trigger; zoom_meeting video_call conference meet; calendar_sync google_calendar outlook_calendar;
accounting quickbooks xero datev; figma sketch design; wordpress website_builder cms; plugin extension addon add_on; oauth
authorize grant consent; scope permission limited restricted; error_code status_code 500 429 404 message; json_schema openapi
swagger spec specification; graphql query rest; bulk_endpoint batch bulk many_at_once; idempotent twice duplicate retry; retry
try_again attempt repeat; signature signed verify secure hmac; version v2 v1 breaking_change deprecation; changelog
release_notes what_changed whats_new; status_page outage downtime incident; outage down downtime unavailable not_reachable
offline server; server backend service host; cors browser cross_origin; sort sorted order_by; date datum fecha created
modified; range from_to between span period interval zeitraum periodo rango periode; period timeframe range interval; today
heute hoy; wildcard partial part_of_word substring prefix; synonym similar_words related; case uppercase lowercase capital
capitals; accent diacritic umlaut; relevance best_match ranking relevant irrelevant; highlight mark emphasize color;
recent_searches search_history previous_searches; everywhere global across all_projects; inside within content full_text;
author creator written_by owner who_wrote; archive archived old hide_old; trash recycle_bin deleted bin; permanent permanently
irreversible for_good; accidental accidentally by_mistake wrongly unintentional; autocorrect autofill auto_fill
fill_automatically; draft unfinished work_in_progress; publish release go_live make_public; schedule_post publish_later;
footnote reference citation cite; equation formula math latex; drawing sketch whiteboard draw; heading title h1 level; indent
tab bullet nested; color_text text_color highlight font_color; font typeface arial lettering; page_break pages print_layout;
signature sign esign e_signature; comment_resolve resolve mark_done close_thread; thread reply conversation discussion;
track_changes suggestion_mode suggesting propose_changes; version_history revisions earlier_versions who_changed restore;
simultaneous same_time together collaborate live; lock locked checked_out being_edited; readonly view_only; watermark stamp
confidential; password_protect protected_link password_link; revoke withdraw remove_access stop_sharing take_back;
share_with_group share_team everyone; download_forbidden prevent_download no_download; opened viewed who_saw read_receipt
seen; inherit subfolder inherited; impersonate on_behalf act_as log_in_as; role custom_role own_role; temporary limited_time
expire until for_a_week; offboard leave left_company departed quit fired; deactivate disable suspend account_closed;
delete_account close_account remove_my_account erase_me; change_email new_email other_address; magic_link passwordless
email_link; social_login google_login facebook apple_id; remember_device trusted trust_this; session_expire logged_out_again
kicked thrown_out; too_often constantly every_few again_and_again; hourly every_hour; vibrate vibration haptic; lock_screen
locked_phone; watch wearable smartwatch; landscape portrait rotate orientation sideways; keyboard_covers hides_field covered
obscured; camera take_photo scan snapshot; scan scanner barcode qr_code camera; swipe gesture slide; back_gesture back_button;
crash_on start launch opening; update upgrade new_version since_update latest_release; overheat hot warm temperature;
data_usage mobile_data traffic roaming; background in_background overnight; widget home_screen glance; notch cut_off edge
safe_area; split_screen multitasking side_by_side; pencil stylus pen handwriting; dark_icon app_icon; sunset sunrise
time_of_day schedule; sepia warm_tone eye_strain eyes; eye_strain eyes hurt tired glare strain; syntax code_color
highlighting; per_page per_document separate individually; individually separately one_by_one single each; logo invisible
black_on_black; email_dark newsletter; chart_colors graph_colors; scrollbar scroll_bar; flash flicker blink white_flash;
tax_id vat_number tax_number ust; dunning reminder overdue unpaid late_payment; currency usd eur gbp; prorate proportion
remaining_days unused rest; per_seat per_user user_price; usage consumption used how_much spent; budget spending limit cap
ceiling; quote offer estimate proposal; nonprofit charity student education discount; auto_renew automatic_renewal renews;
grace_period expired_card card_declined payment_failed; 3d_secure bank_confirmation two_factor; split_payment two_cards
partial; invoice_payment pay_by_invoice on_account; cash cash_on_delivery; crypto bitcoin; save_card stored_card remember_card
one_click; fee surcharge extra_cost hidden_cost shipping_cost; total sum amount_due final_price; rounding round cents; scatter
bubble plot; map_chart choropleth; gauge meter kpi; sparkline mini; drill_down click_into underlying; outlier extreme spike;
logarithmic log_scale scale; annotate annotation note mark_event; target_line threshold benchmark goal; moving_average smooth
smoothing; group_by per aggregate aggregation bucket; top_ten largest biggest ranking; unit label axis_title; embed_chart
share_chart public; scheduled_report send_report weekly_report; download_image png svg save_picture; refresh_rate live_data
auto_refresh; checklist getting_started first_steps remaining_steps; demo sample_data example_project; template starter blank;
video tutorial watch; tooltips hints tips pointers; jargon technical_terms plain_language; role_question ask_role; skip later
dismiss; progress_saved continue_later; choose_plan pricing before_signup; credit_card_required card_for_trial;
import_contacts address_book; welcome_email greeting mails; personal individual own; compress shrink reduce_size smaller;
limit_size max_size larger_files big_files; gif animated; heic webp format_not_supported unsupported; unsupported
not_supported cannot_open incompatible; preview_inline view_without_downloading open_in_browser; rename_attachment file_name;
folder_upload whole_folder directory_upload; resume_upload interrupted restart_upload; progress_upload percentage; virus
malware security_scan; exif gps_data metadata location_data; expired_link link_dead; reorder arrange order_of sequence; cover
thumbnail main_picture; conflict_copy version_clash; sync_now manual_sync force_sync; sync_status last_synced when_synced;
wifi_only only_wifi mobile_data; preload prefetch download_ahead beforehand; limited_storage disk_full free_up space
"""

_LEAST = 4  # letters that a word keeps without its ending

Senses = tuple[int, ...]


@lru_cache(maxsize=1)
def _read() -> tuple[dict[str, Senses], dict[str, list[tuple[tuple[str, ...], int]]]]:
    """By stem; and by first stem, the runs of stems that have a sense."""
    words: dict[str, Senses] = {}
    runs: dict[str, list[tuple[tuple[str, ...], int]]] = {}
    for number, sense in enumerate(_SENSES.split(";")):
        for entry in sense.split():
            run = tuple(map(stem, spelled(entry)))
            if len(run) > 1:
                runs.setdefault(run[0], []).append((run, number))
            else:
                words[run[0]] = (*words.get(run[0], ()), number)
    return words, runs


@lru_cache(maxsize=20_000)
def senses(stem: str) -> Senses:
    """Of a stem; where it has none, of what it is without an ending of one or two letters, in whatever language."""
    words, _ = _read()
    for cut in (stem, stem[:-1], stem[:-2]):
        if cut in words and (cut == stem or len(cut) >= _LEAST):
            return words[cut]
    return ()


def phrases(stems: list[str]) -> list[tuple[int, int, int]]:
    """Where a run of stems has a sense: from which on, how many, which sense."""
    _, runs = _read()
    found = []
    for at, first in enumerate(stems):
        found += [(at, len(run), sense) for run, sense in runs.get(first, ()) if tuple(stems[at : at + len(run)]) == run]
    return found
